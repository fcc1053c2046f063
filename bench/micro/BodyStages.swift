// Measures the stages of a push's body: digest, inflating, tokenizing, rows.

import Protocol

extension Bench {
  /// Measures the stages of a body.
  /// - Parameter only: measures only stages whose name contains this text.
  func bodyStages(_ body: MicroBody, only: String) -> [StageResult] {
    let stages: [(String, (MicroBody) -> StageResult)] = [
      ("SHA-256 of the content", digest), ("inflate, 64 KiB a step", inflate), ("the same by zlib", zlib),
      ("JSON, finding the end of a metric", scan), ("JSON, all tokens checked", skip),
      ("JSON to COPY, names known", { decode($0, isKnown: true) }),
      ("JSON to COPY, names new", { decode($0, isKnown: false) }),
    ]
    return stages.filter { only.isEmpty || $0.0.contains(only) }.map { $0.1(body) }
  }

  private func digest(_ body: MicroBody) -> StageResult {
    measure("SHA-256 of the content", bytes: body.json.count, rows: body.rows) {
      var digest = Digest()
      digest.update(body.json.span)
      consume(digest.finish().count)
    }
  }

  private func inflate(_ body: MicroBody) -> StageResult {
    var inflater = GzipInflater()
    var output = ByteBuffer()
    return measure("inflate, 64 KiB a step", bytes: body.json.count, rows: body.rows) {
      inflater.reset()
      output.removeAll()
      Self.inflate(body.gzip.span, &inflater, &output)
      precondition(output.count == body.json.count)
    }
  }

  private func zlib(_ body: MicroBody) -> StageResult {
    let inflater = ZlibInflater()
    var output = ByteBuffer()
    return measure("the same by zlib", bytes: body.json.count, rows: body.rows) {
      output.removeAll()
      inflater.inflate(body.gzip.span, into: &output)
      precondition(output.count == body.json.count)
    }
  }

  private static func inflate(_ wire: Span<UInt8>, _ inflater: inout GzipInflater, _ output: inout ByteBuffer) {
    do throws(InflateError) {
      var position = 0
      while true {
        let step = try inflater.inflate(wire.extracting(position...), into: &output, atMost: 64 * 1024)
        position += step.consumed
        if step.state != .outputFull { break }
      }
      try inflater.finish()
    } catch {
      preconditionFailure("our own gzip is not gzip: \(error)")
    }
  }

  private func scan(_ body: MicroBody) -> StageResult {
    measure("JSON, finding the end of a metric", bytes: body.json.count, rows: body.rows) {
      consume(JSONStages.scannedLength(body.json.span))
    }
  }

  private func skip(_ body: MicroBody) -> StageResult {
    measure("JSON, all tokens checked", bytes: body.json.count, rows: body.rows) {
      consume(JSONStages.tokenizedLength(body.json.span))
    }
  }

  private func decode(_ body: MicroBody, isKnown: Bool) -> StageResult {
    let catalog = CompiledCatalog()
    var decoder = PushDecoder(catalog: catalog)
    var rows = PushRows(catalog: catalog, retainedBytes: 4 << 20)
    var known = KnownIDs(capacity: 1 << 20)
    return measure(
      isKnown ? "JSON to COPY, names known" : "JSON to COPY, names new", bytes: body.json.count, rows: body.rows
    ) {
      rows.reset()
      decoder.begin(serverID: 7, timeWindow: MicroBody.timeWindow)
      do throws(PushError) {
        let taken = try decoder.consume(body.json.span, isLast: true, rows: &rows, known: &known)
        precondition(taken == body.json.count && decoder.summary.rows == body.rows)
      } catch {
        preconditionFailure("our own push is refused: \(error)")
      }
      if isKnown { for id in rows.pendingIDs { known.insert(id) } }
    }
  }
}

/// Keeps the optimiser from removing the computation of `value`.
@inline(never) func consume(_ value: Int) { precondition(value >= 0) }
