// The ledger's careful statement for one push, with parameters: for who is not a writer.

import Protocol

extension PushLedger {
  /// What the ledger is told of one push.
  struct Entry: Sendable {
    let pushID: UUID
    let serverID: Int32
    var day: Day?
    var isDated: Bool
    let head: Int64
    let chain: [UInt8]?
    let key: UUID?
    let legacy: LegacyIdentity?
    private let boundaries: PushBoundaries
    var metrics: Int { boundaries.count }
    private let targets: Int

    init(_ push: Push) {
      pushID = push.id
      serverID = push.serverID
      day = push.day.map { Day(word: $0) }
      isDated = push.isDated
      head = push.head
      key = push.key
      legacy = push.legacy
      boundaries = push.rows.boundaries
      targets = push.rows.targetCount
      var chain: [UInt8] = []
      boundaries.forEachInner { word in
        for shift in 0..<8 { chain.append(UInt8(truncatingIfNeeded: word >> UInt64(56 - 8 * shift))) }
      }
      self.chain = chain.isEmpty ? nil : chain
    }

    /// Waits for the server's lock, judges the push and enters it if it is new.
    /// - Parameter session: in a transaction that has read nothing.
    func enter(_ session: DatabaseLease) async throws(DatabaseError) -> Judgement? {
      // What was committed before the lock was taken has to be seen.
      try await session.script("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
      try await session.execute(PushLedger.hold, PushLedger.lockClass, serverID, "{\(serverID)}")
      if let legacy {
        try await session.execute(PushLedger.lookBack, pushID, legacy.id, legacy.days.map { Day(word: $0) })
      }
      return try await session.one(
        PushLedger.enter, day, pushID, serverID, head, Int32(clamping: metrics), chain, isDated, key)
    }

    /// What of each target is stored, as another push that this one begins with; empty for nothing.
    func extents(_ judgement: Judgement?) -> [PushBoundaries.Extent] {
      guard let metrics = judgement?.begunMetrics.map({ Int($0) }), (1..<boundaries.count).contains(metrics),
        judgement?.begunID == boundaries.digest(after: metrics)
      else { return [] }
      return boundaries.extents(after: metrics, targets: targets)
    }
  }

  struct Judgement: SQLRow {
    let pushID: UUID
    let verdict: Verdict?
    let begunMetrics: Int32?
    let begunID: UUID?

    static let columns = [
      SQLColumn("push_id", UUID.self), SQLColumn("verdict", String.self), SQLColumn("begun_metrics", Int32?.self),
      SQLColumn("begun_id", UUID?.self),
    ]
    init(from row: inout RowReader) throws(DatabaseError) {
      pushID = try row.next()
      verdict = Verdict(rawValue: try row.next())
      begunMetrics = try row.next()
      begunID = try row.next()
    }
  }
}
