// Reads the ledger's answers about the pushes of a batch.

import Protocol

/// Reads the answers of one message in their order and keeps a verdict for each push.
struct LedgerReading {
  enum Verdict: Equatable {
    /// Another transaction has the lock of the push's server. It may be an earlier try of the same push.
    case waits
    /// The ledger knows a push that begins with the same metric. The careful statement has to judge this push.
    case related
    /// The ledger has entered the push. `repeated` of its first metrics are stored already as another push.
    case new(repeated: Int)
    /// All of the push is stored already.
    case known
    /// The push's key belongs to other metrics.
    case keyReused
  }

  /// One verdict for each push of the batch, at its index.
  private(set) var verdicts: [Verdict]
  /// By push and database, the digests at the end of the log list that was stored before the push.
  private var ends: [Int: [UInt64: [UInt64]]] = [:]
  private var answersRead = 0

  init(pushCount: Int) { verdicts = Array(repeating: .waits, count: pushCount) }

  /// Reads the next answer to the message of `batch`. - Precondition: an answer is left.
  mutating func read(_ rows: borrowing DatabaseRows, of batch: Batch) {
    let answer = batch.ledgerAnswers[answersRead]
    answersRead += 1
    switch answer {
    case .locks: readLocks(rows, of: batch)
    case .legacy: break  // nothing to read: the following statements use its result
    case .quick:
      for row in 0..<rows.count { verdicts[index(rows, row, batch)] = .new(repeated: 0) }
    case .logEnds:
      for row in 0..<rows.count { readLogEnd(rows, row, batch) }
    case .careful:
      for row in 0..<rows.count {
        let index = index(rows, row, batch)
        verdicts[index] = verdict(rows, row, batch.pushes[index])
      }
    }
  }

  /// By database, the digests at the end of the log list that was stored before the push.
  func logEnds(of push: Int) -> [UInt64: [UInt64]] { ends[push] ?? [:] }

  private mutating func readLogEnd(_ rows: borrowing DatabaseRows, _ row: Int, _ batch: Batch) {
    guard let database = rows.text(row: row, column: 1).flatMap({ Int64($0) }),
      let bytes = rows.text(row: row, column: 2).flatMap({ Hex.decode(String($0.dropFirst(2))) })
    else { preconditionFailure("the end of a log list is no bytea") }
    ends[index(rows, row, batch), default: [:]][UInt64(bitPattern: database)] = [UInt64](bigEndianBytes: bytes)
  }

  /// Whether every answer has been read.
  func isComplete(of batch: Batch) -> Bool { answersRead == batch.ledgerAnswers.count }

  private mutating func readLocks(_ rows: borrowing DatabaseRows, of batch: Batch) {
    guard let servers = rows.integers(row: 0, column: 0) else { preconditionFailure("the locks' answer is no array") }
    let held = Set(servers)
    for (index, push) in batch.pushes.enumerated() where held.contains(push.serverID) { verdicts[index] = .related }
  }

  private func index(_ rows: borrowing DatabaseRows, _ row: Int, _ batch: Batch) -> Int {
    guard let id = rows.uuid(row: row, column: 0), let index = batch.index(of: id) else {
      preconditionFailure("the ledger returned an id that was not sent")
    }
    return index
  }

  private func verdict(_ rows: borrowing DatabaseRows, _ row: Int, _ push: Push) -> Verdict {
    switch rows.text(row: row, column: 1).flatMap({ PushLedger.Verdict(rawValue: $0) }) {
    case .known: return .known
    case .reused: return .keyReused
    case .new:
      // The statement compared 64 bits of the digests. Metrics may be skipped only if all 128 bits are equal.
      guard let metrics = rows.text(row: row, column: 2).flatMap({ Int($0) }), metrics < push.rows.boundaries.count,
        rows.uuid(row: row, column: 3) == push.rows.boundaries.digest(after: metrics)
      else { return .new(repeated: 0) }
      return .new(repeated: metrics)
    case nil: preconditionFailure("the ledger gave no verdict")
    }
  }
}

extension DatabaseRows {
  /// A value of the answer to a simple query, which is in text format; nil for NULL.
  func text(row: Int, column: Int) -> String? {
    withValue(row: row, column: column) { bytes in
      guard let bytes else { return nil }
      return bytes.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
    }
  }

  /// An array of `int4` in text format. - Returns: nil for anything else.
  func integers(row: Int, column: Int) -> [Int32]? {
    guard let text = text(row: row, column: column), text.first == "{", text.last == "}" else { return nil }
    let numbers = text.dropFirst().dropLast().split(separator: ",")
    let integers = numbers.compactMap { Int32($0) }
    return integers.count == numbers.count ? integers : nil
  }
}
