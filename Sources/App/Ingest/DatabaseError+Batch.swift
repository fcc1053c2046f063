// What an error says about the batch that PostgreSQL refused.

extension DatabaseError {
  /// What the writer has to do about the refused batch.
  enum BatchFault: Equatable {
    /// Rows or ledger entries are for days without partitions. The partitions have to be made.
    case missingPartition
    /// The cause may pass by itself, whatever the rows are. The same batch is sent again after a pause.
    case transient
    /// PostgreSQL will refuse the same batch again: the rows of some push are at fault, or a table is.
    case lasting
  }

  var batchFault: BatchFault {
    if isMissingPartition { return .missingPartition }
    guard kind == .statement, let sqlstate else { return .transient }
    return Self.isTransientForBatch(sqlstate) ? .transient : .lasting
  }

  /// SQLSTATEs whose cause is the server or another session, not the batch: connection exceptions, rollbacks, lack of
  /// resources, an operator's interventions, system errors, a read-only session, and a lock that was not granted in
  /// time. Protocol violation is excluded: the session survives it, and its cause is a value of the wrong length in
  /// binary COPY.
  private static func isTransientForBatch(_ sqlstate: String) -> Bool {
    if sqlstate == SQLState.protocolViolation { return false }
    return [SQLState.readOnlyTransaction, SQLState.lockNotAvailable].contains(sqlstate)
      || ["08", "40", "53", "57", "58"].contains { sqlstate.hasPrefix($0) }
  }

  /// `no partition of relation ... found for row` shares its SQLSTATE with CHECK violations and names no constraint.
  var isMissingPartition: Bool { sqlstate == "23514" && constraint == nil && message.contains("partition") }

  /// Whether the session rejects writes: its server is a standby, or is configured to be read only.
  var isReadOnly: Bool { sqlstate == SQLState.readOnlyTransaction }

  /// The line number, counted from 1, of `COPY <table>, line <n>`, which may be one of several lines of the error's
  /// context.
  var copyLine: Int? {
    for line in (context ?? "").split(separator: "\n") where line.hasPrefix("COPY ") {
      guard let marker = line.range(of: ", line ") else { continue }
      if let number = Int(line[marker.upperBound...].prefix { $0.isNumber }) { return number }
    }
    return nil
  }
}

extension Substring {
  /// The first occurrence of `text`. The standard library has no such function without Foundation.
  fileprivate func range(of text: String) -> Range<Index>? {
    var start = startIndex
    while start < endIndex {
      if self[start...].hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
      start = index(after: start)
    }
    return nil
  }
}
