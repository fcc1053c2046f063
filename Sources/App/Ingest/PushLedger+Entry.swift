// The ledger's careful statement for one push, with parameters, for callers other than a writer.

import Protocol

extension PushLedger {
  /// The values of one push that the ledger needs.
  struct Entry: Sendable {
    let pushID: UUID
    let serverID: Int32
    var day: Day?
    var isDated: Bool
    let head: Int64
    let chain: [UInt8]?
    let key: UUID?
    let legacy: LegacyIdentity?
    private let outline: PushOutline
    private var boundaries: PushBoundaries { outline.boundaries }
    var metrics: Int { boundaries.count }

    init(_ push: Push) {
      pushID = push.id
      serverID = push.serverID
      day = push.day.map { Day(word: $0) }
      isDated = push.isDated
      head = push.head
      key = push.key
      legacy = push.legacy
      outline = PushOutline(push.rows)
      var chain: [UInt64] = []
      outline.boundaries.forEachInner { chain.append($0) }
      self.chain = chain.isEmpty ? nil : chain.bigEndianBytes
    }

    /// Waits for the server's lock, judges the push and enters it if it is new.
    /// - Parameter session: in a transaction that has read nothing yet.
    func enter(_ session: DatabaseLease) async throws(DatabaseError) -> Judgement? {
      // The statement has to see everything that was committed before it got the lock.
      try await session.script("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
      try await session.execute(PushLedger.hold, PushLedger.lockClass, serverID, "{\(serverID)}")
      if let legacy {
        try await session.execute(PushLedger.lookBack, pushID, legacy.id, legacy.days.map { Day(word: $0) })
      }
      return try await session.one(
        PushLedger.enter, day, pushID, serverID, head, Int32(clamping: metrics), chain, isDated, key)
    }

    /// Replaces the stored ends of the server's log lists by those of this push. - Precondition: `enter` returned that
    /// the push is new.
    /// - Returns: the rows of the push that are to be stored.
    func remainder(
      _ judgement: Judgement, _ session: DatabaseLease
    ) async throws(DatabaseError) -> PushRemainder {
      var ends: [UInt64: [UInt64]] = [:]
      for lists in outline.logLists.all {
        let end = try await session.one(
          PushLedger.replaceLogEnd, pushID, serverID, Int64(bitPattern: lists.database), lists.end.bigEndianBytes)
        if let end { ends[lists.database] = [UInt64](bigEndianBytes: end.lines) }
      }
      var stored = 0
      if let metrics = judgement.begunMetrics.map({ Int($0) }), (1..<boundaries.count).contains(metrics),
        judgement.begunID == boundaries.digest(after: metrics)
      {
        stored = metrics
      }
      return PushRemainder(outline, after: stored, logEnds: ends)
    }
  }

  struct Judgement: SQLRow {
    let pushID: UUID
    let verdict: Verdict?
    let begunMetrics: Int32?
    let begunID: UUID?

    init(from row: inout RowReader) throws(DatabaseError) {
      pushID = try row.read("push_id")
      verdict = Verdict(rawValue: try row.read("verdict"))
      begunMetrics = try row.read("begun_metrics")
      begunID = try row.read("begun_id")
    }
  }
}
