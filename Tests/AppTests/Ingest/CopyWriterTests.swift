import Protocol
import Reactor
import Testing

@testable import App

/// A writer with a session that does only what the test says.
@Suite struct CopyWriterTests {
  private final class Session: CopySession {
    var delegate: (any DatabaseConnectionDelegate)?
    var sent: [String] = []

    func connect(_ delegate: any DatabaseConnectionDelegate) { self.delegate = delegate }
    func send(_ sql: String) { sent.append(sql) }
    func putCopy(_ bytes: Span<UInt8>) -> DatabaseConnection.CopyAcceptance { .accepted }
    func endCopy() {}
    func handOver(to delegate: any DatabaseConnectionDelegate) { self.delegate = delegate }
    var closes = 0
    func close() { closes += 1 }
  }

  private final class Owner: CopyWriterOwner {
    var settled: [(id: UUID, isDuplicate: Bool)] = []
    var reasons: [String] = []
    var onSettled: () -> Void = {}

    func settled(_ push: Push) {
      if case .unavailable(let reason, _) = push.outcome { reasons.append(reason) }
      if case .stored(let duplicate) = push.outcome { settled.append((push.id, duplicate)) }
      onSettled()
    }
    func unanswered(_ push: Push) {}
    func needsPartitions(for days: [Int32], _ writer: CopyWriter) {}
    func park(_ push: Push) {}
    func report(_ event: CopyWriter.Event) {}
  }

  private static let catalog = CompiledCatalog()
  private let loop: EventLoop
  private let session = Session()
  private let owner = Owner()
  private let writer: CopyWriter

  init() throws {
    loop = try EventLoop()
    var settings = Settings()
    settings.batchPushes = 2
    writer = CopyWriter(
      index: 0, loop: loop, owner: owner, targets: CopyTargets(Self.catalog), settings: settings, session: session)
    writer.start()
    session.delegate?.connected()
    session.delegate?.finished()
    #expect(session.sent.count == 1, "the session's settings")
  }

  private func submit(_ number: UInt64, within life: Duration = .seconds(60)) {
    let push = Push(catalog: Self.catalog)
    (push.id, push.serverID, push.deadline) = (Self.id(number), Int32(number), loop.now + life)
    (push.day, push.isDated) = (9800, true)
    writer.submit(push)
  }

  private static func id(_ number: UInt64) -> UUID { UUID(high: 0, low: number) }

  /// Answers that the ledger takes `new` as new pushes, and that the batch is committed.
  private func commit(_ new: UInt64...) {
    session.delegate?.received(.rows(DatabaseRows(owning: ModelSession.answer([["{1,2,3,4,5,6,7,8}"]]))))
    session.delegate?.received(.rows(DatabaseRows(owning: ModelSession.answer(new.map { [Self.id($0).description] }))))
    session.delegate?.finished()
  }

  @Test func `a push that arrives while outcomes are reported waits for the last of them`() {
    for number: UInt64 in 1...5 { submit(number) }
    commit(1)
    #expect(session.sent.count == 3, "the next batch began")
    // The answer to one push brings the next push of its connection at once.
    var more: UInt64 = 6
    owner.onSettled = { [unowned owner] in
      if owner.settled.count > 3 { return }
      submit(more)
      more += 1
    }
    commit(2, 3)
    #expect(owner.settled.map(\.id) == [1, 2, 3].map(Self.id))
    #expect(owner.settled.allSatisfy { !$0.isDuplicate }, "the outcomes are those of their own batch")
    #expect(session.sent.count == 4, "one batch after the other")
    commit(4, 5)
    #expect(owner.settled.count == 5)
    #expect(session.sent[4].contains(Self.id(6).description) && session.sent[4].contains(Self.id(7).description))
  }

  @Test func `a session that is lost while the writer rests leaves one timer`() {
    submit(1)
    session.delegate?.received(.failed(DatabaseError(.statement, "deadlock detected", sqlstate: "40P01")))
    session.delegate?.finished()
    #expect(loop.deadlineCount == 1, "the writer rests")
    session.delegate?.disconnected(DatabaseError(.connectionLost, "terminated"))
    #expect(loop.deadlineCount == 1, "the writer waits to connect")
    writer.close()
    #expect(loop.deadlineCount == 0)
  }

  private func refuse(_ sqlstate: String, _ message: String = "no") {
    session.delegate?.received(.failed(DatabaseError(.statement, message, sqlstate: sqlstate)))
    session.delegate?.finished()
  }

  @Test func `the reason for giving up a push names the actual fault of the database`() {
    func reason() -> String? {
      submit(100, within: .zero)
      writer.expire()
      return owner.reasons.last
    }
    submit(1)
    #expect(reason() == "the database is too slow")
    refuse("53100")
    #expect(reason() == "PostgreSQL refuses rows with SQLSTATE 53100")
    session.delegate?.disconnected(DatabaseError(.connectionLost, "terminated"))
    #expect(reason() == "the database is not reachable")
    writer.close()
  }

  @Test func `a missing partition is named as the reason`() {
    submit(1)
    refuse("23514", "no partition of relation \"t\" found for row")
    submit(2, within: .zero)
    writer.expire()
    #expect(owner.reasons == ["the partitions of its days could not be made"])
  }

  @Test func `a session that became read only is closed, and its batch waits for another session`() {
    submit(1)
    refuse("25006")
    #expect(session.closes == 1 && writer.backlogPushes == 1 && !writer.isConnected)
    submit(2, within: .zero)
    writer.expire()
    #expect(owner.reasons == ["the database is read only"])
    writer.close()
  }

  @Test func `a push whose server is locked elsewhere waits a little, and the rest of its batch commits`() {
    submit(1)
    submit(2)
    submit(3)
    commit(1)
    #expect(session.sent.count == 3)
    session.delegate?.received(.rows(DatabaseRows(owning: ModelSession.answer([["{3}"]]))))
    session.delegate?.received(.rows(DatabaseRows(owning: ModelSession.answer([[Self.id(3).description]]))))
    session.delegate?.finished()
    #expect(owner.settled.map(\.id) == [1, 3].map(Self.id), "push 2 is not settled")
    #expect(session.sent.count == 3 && loop.deadlineCount == 1, "push 2 waits for a timer")
    #expect(!writer.isDrained && writer.backlogPushes == 1)
    loop.turn(waitingAtMost: .seconds(1))
    #expect(session.sent.count == 4 && session.sent[3].contains(Self.id(2).description), "push 2 is sent again")
    commit(2)
    #expect(owner.settled.map(\.id) == [1, 3, 2].map(Self.id))
    #expect(writer.isDrained && loop.deadlineCount == 0)
  }

  @Test func `a push with a relative in the ledger is checked carefully in the next batch`() {
    submit(1)
    session.delegate?.received(.rows(DatabaseRows(owning: ModelSession.answer([["{1}"]]))))
    session.delegate?.received(.rows(DatabaseRows(owning: ModelSession.answer([]))))
    session.delegate?.finished()
    #expect(owner.settled.isEmpty)
    #expect(session.sent.last?.contains("EXECUTE push_careful") == true)
    session.delegate?.received(.rows(DatabaseRows(owning: ModelSession.answer([["{1}"]]))))
    session.delegate?.received(
      .rows(DatabaseRows(owning: ModelSession.answer([[Self.id(1).description, "known", nil, nil]]))))
    session.delegate?.finished()
    #expect(owner.settled.map(\.isDuplicate) == [true])
  }
}
