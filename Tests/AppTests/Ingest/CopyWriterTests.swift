import Protocol
import Reactor
import Testing

@testable import App

/// A writer at a session that does only what the test says.
@Suite struct CopyWriterTests {
  private final class Session: CopySession {
    var delegate: (any DatabaseConnectionDelegate)?
    var sent: [String] = []

    func connect(_ delegate: any DatabaseConnectionDelegate) { self.delegate = delegate }
    func send(_ sql: String) { sent.append(sql) }
    func putCopy(_ bytes: Span<UInt8>) -> DatabaseConnection.CopyAcceptance { .accepted }
    func endCopy() {}
    func handOver(to delegate: any DatabaseConnectionDelegate) { self.delegate = delegate }
    func close() {}
  }

  private final class Owner: CopyWriterOwner {
    var settled: [(id: UUID, isDuplicate: Bool)] = []
    var onSettled: () -> Void = {}

    func settled(_ push: Push) {
      if case .stored(let duplicate) = push.outcome { settled.append((push.id, duplicate)) }
      onSettled()
    }
    func unanswered(_ push: Push) {}
    func needsPartitions(for days: [Int32], _ writer: CopyWriter) {}
    func park(_ push: Push, _ error: DatabaseError) {}
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

  private func submit(_ number: UInt64) {
    let push = Push(catalog: Self.catalog)
    (push.id, push.serverID, push.deadline) = (Self.id(number), Int32(number), loop.now + .seconds(60))
    writer.submit(push)
  }

  private static func id(_ number: UInt64) -> UUID { UUID(high: 0, low: number) }

  /// The ledger takes these as new, and the batch is committed.
  private func commit(_ new: UInt64...) {
    session.delegate?.received(.rows(DatabaseRows(owning: ModelSession.ledgerAnswer(new.map(Self.id)))))
    session.delegate?.finished()
  }

  @Test func `a push that comes while outcomes are told waits for the last of them`() {
    for number: UInt64 in 1...5 { submit(number) }
    commit(1)
    #expect(session.sent.count == 3, "the next batch began")
    // The answer to one push brings the next one of its connection at once.
    var more: UInt64 = 6
    owner.onSettled = { [unowned owner] in
      if owner.settled.count > 3 { return }
      submit(more)
      more += 1
    }
    commit(2, 3)
    #expect(owner.settled.map(\.id) == [1, 2, 3].map(Self.id))
    #expect(owner.settled.allSatisfy { !$0.isDuplicate }, "the news are those of their own batch")
    #expect(session.sent.count == 4, "one batch after the other")
    commit(4, 5)
    #expect(owner.settled.count == 5)
    #expect(session.sent[4].contains(Self.id(6).description) && session.sent[4].contains(Self.id(7).description))
  }

  @Test func `a session lost while the writer rests leaves one timer`() {
    submit(1)
    session.delegate?.received(.failed(DatabaseError(.statement, "deadlock detected", sqlstate: "40P01")))
    session.delegate?.finished()
    #expect(loop.deadlineCount == 1, "it rests")
    session.delegate?.disconnected(DatabaseError(.connectionLost, "terminated"))
    #expect(loop.deadlineCount == 1, "it waits to connect")
    writer.close()
    #expect(loop.deadlineCount == 0)
  }
}
