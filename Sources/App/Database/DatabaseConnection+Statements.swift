// Sends statements through libpq.

internal import CEpoll.Postgres

extension DatabaseConnection {
  /// Sends a simple query: one or more statements, one implicit transaction. Results are in text format.
  func send(_ sql: String) {
    guard enterStatement() else { return }
    sent(PQsendQuery(session, sql))
  }

  /// Prepares a statement, alone or within a pipeline. `.command` or `.failed` follows.
  func sendPrepare(_ name: String, _ sql: String, _ types: [SQLType]) {
    guard enterStatement() else { return }
    sent(PQsendPrepare(session, name, sql, CInt(types.count), types.map(\.oid)))
  }

  /// Executes a prepared statement, alone or within a pipeline. Parameters and results are in binary format.
  func sendExecute(_ name: String, _ parameters: EncodedParameters) {
    guard enterStatement() else { return }
    let result = withPointers(parameters) { values, lengths, formats in
      PQsendQueryPrepared(session, name, CInt(values.count), values, lengths, formats, 1)
    }
    sent(result)
  }

  /// Executes a statement without preparing it, so that PostgreSQL plans it for these parameters. Its rows arrive one
  /// by one as `.row`; a `.rows` without rows ends them. Only a few rows are in memory at a time.
  func sendRowByRow(_ sql: String, _ types: [SQLType], _ parameters: EncodedParameters) {
    guard enterStatement() else { return }
    let result = withPointers(parameters) { values, lengths, formats in
      PQsendQueryParams(session, sql, CInt(values.count), types.map(\.oid), values, lengths, formats, 1)
    }
    if result == 1, PQsetSingleRowMode(session) == 0 { return fail(.connectionLost, sessionError()) }
    sent(result)
  }

  /// Calls `body` with the parameters in libpq's form: values, lengths, formats (all binary).
  private func withPointers<R>(
    _ parameters: EncodedParameters, _ body: ([UnsafePointer<CChar>?], [CInt], [CInt]) -> R
  ) -> R {
    // libpq reads a null pointer as NULL, even for a value of no bytes. The extra byte ensures that there is a base
    // address.
    let bytes = parameters.bytes + [0]
    let lengths = parameters.ranges.map { CInt($0?.count ?? 0) }
    let formats = [CInt](repeating: 1, count: lengths.count)
    return bytes.withUnsafeBytes { bytes in
      // Safety: the ranges lie within `bytes`, which is alive during the call; libpq copies what it sends.
      let values = parameters.ranges.map { range in
        range.map { UnsafePointer((bytes.baseAddress! + $0.lowerBound).assumingMemoryBound(to: CChar.self)) }
      }
      return body(values, lengths, formats)
    }
  }
}
