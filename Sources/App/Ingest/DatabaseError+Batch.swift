// What a refused batch says about itself.

extension DatabaseError {
  /// What is to be done about a batch that PostgreSQL refused.
  enum BatchFault: Equatable {
    /// Rows or ledger entries are for days without partitions: they have to be made.
    case missingPartition
    /// Time may cure it, whatever the rows are: the batch goes again as it was, after a while.
    case transient
    /// The same batch will be refused again: somebody's rows are at fault, or a table is.
    case lasting
  }

  var batchFault: BatchFault {
    if isMissingPartition { return .missingPartition }
    guard kind == .statement, let sqlstate else { return .transient }
    return Self.isTransientForBatch(sqlstate) ? .transient : .lasting
  }

  /// Classes of SQLSTATEs that speak of the server and of other sessions and not of the batch: connection exceptions (but the
  /// one protocol violation, a value of the wrong length in binary COPY, that the session survives), rollbacks, resources,
  /// an operator's interventions, system errors; and a read-only session, and a lock that could not be had in time.
  private static func isTransientForBatch(_ sqlstate: String) -> Bool {
    if sqlstate == SQLState.protocolViolation { return false }
    return [SQLState.readOnlyTransaction, SQLState.lockNotAvailable].contains(sqlstate)
      || ["08", "40", "53", "57", "58"].contains { sqlstate.hasPrefix($0) }
  }

  /// `no partition of relation ... found for row` shares its SQLSTATE with CHECK violations and names no constraint.
  var isMissingPartition: Bool { sqlstate == "23514" && constraint == nil && message.contains("partition") }

  /// The session writes nothing: the server is a standby, or was told to be read only.
  var isReadOnly: Bool { sqlstate == SQLState.readOnlyTransaction }

  /// The line (1 and up) of `COPY <table>, line <n>`, which may be one of several lines of context.
  var copyLine: Int? {
    for line in (context ?? "").split(separator: "\n") where line.hasPrefix("COPY ") {
      guard let marker = line.range(of: ", line ") else { continue }
      if let number = Int(line[marker.upperBound...].prefix { $0.isNumber }) { return number }
    }
    return nil
  }
}

extension Substring {
  /// The first occurrence of `text`. The standard library has none without Foundation.
  fileprivate func range(of text: String) -> Range<Index>? {
    var start = startIndex
    while start < endIndex {
      if self[start...].hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
      start = index(after: start)
    }
    return nil
  }
}
