import Protocol
import Reactor
import Testing

@testable import App

/// A writer whose database no longer answers, on a clock that the test moves.
@Suite struct CopyWriterSilenceTests {
  private final class Session: CopySession {
    var delegate: (any DatabaseConnectionDelegate)?
    var sent: [String] = []
    var isOpen = false

    func connect(_ delegate: any DatabaseConnectionDelegate) {
      self.delegate = delegate
      isOpen = true
    }
    func send(_ sql: String) { sent.append(sql) }
    func putCopy(_ bytes: Span<UInt8>) -> DatabaseConnection.CopyAcceptance { .accepted }
    func endCopy() {}
    func handOver(to delegate: any DatabaseConnectionDelegate) { self.delegate = delegate }
    func close() {
      isOpen = false
      delegate = nil
    }

    /// Opens the connection and confirms its settings.
    func begin() {
      delegate?.connected()
      delegate?.finished()
    }
  }

  private final class Owner: CopyWriterOwner {
    var told: [UUID] = []
    var settled: [(id: UUID, outcome: String)] = []

    func settled(_ push: Push) {
      let outcome =
        switch push.outcome {
        case .stored(let duplicate): duplicate ? "duplicate" : "stored"
        case .keyReused: "key reused"
        case .parked: "parked"
        case .outcomeUnknown: "unknown"
        case .unavailable: "unavailable"
        case nil: "none"
        }
      settled.append((push.id, outcome))
    }
    func unanswered(_ push: Push) { told.append(push.id) }
    func needsPartitions(for days: [Int32], _ writer: CopyWriter) {}
    func park(_ push: Push) {}
    func report(_ event: CopyWriter.Event) {}
  }

  private static let catalog = CompiledCatalog()
  private let kernel = SimulatedKernel(seed: 1, wallStart: 0)
  private let loop: EventLoop
  private let first = Session()
  private let spare = Session()
  private let owner = Owner()
  private let writer: CopyWriter

  init() throws {
    loop = try EventLoop(kernel: kernel)
    var settings = Settings()
    settings.commitDeadline = .seconds(20)
    writer = CopyWriter(
      index: 0, loop: loop, owner: owner, targets: CopyTargets(Self.catalog), settings: settings, session: first,
      spare: spare)
    writer.start()
    first.begin()
  }

  private static func id(_ number: UInt64) -> UUID { UUID(high: 0, low: number) }

  private func submit(_ number: UInt64) {
    let push = Push(catalog: Self.catalog)
    (push.id, push.serverID, push.deadline) = (Self.id(number), Int32(number), loop.now + .seconds(20))
    (push.day, push.isDated) = (9800, true)
    writer.submit(push)
  }

  private func pass(_ duration: Duration) {
    let end = kernel.elapsed + duration
    while kernel.elapsed < end { loop.turn(waitingAtMost: end - kernel.elapsed) }
    writer.expire()
  }

  /// Answers that the ledger takes `new` as new pushes. The commit gets no answer.
  private func store(_ new: UInt64..., by session: Session) {
    answer([["{1,2,3,4,5,6,7,8}"]], by: session)
    answer(new.map { [Self.id($0).description] }, by: session)
  }

  private func answer(_ rows: [[String?]], by session: Session) {
    session.delegate?.received(.rows(DatabaseRows(owning: ModelSession.answer(rows))))
  }

  @Test func `a push is answered at its deadline, and its batch goes on while the database responds`() {
    submit(1)
    pass(.seconds(15))
    store(1, by: first)
    pass(.seconds(5))
    #expect(owner.told == [Self.id(1)])
    #expect(writer.isDrained, "no request waits for the push any more")
    #expect(!spare.isOpen && owner.settled.isEmpty, "the database answered 5 s ago")
    first.delegate?.finished()
    #expect(owner.settled.map(\.outcome) == ["stored"], "the push is stored after all")
    #expect(writer.waitingSince == nil)
  }

  @Test func `a silent session is left alone, and the spare session goes on`() {
    submit(1)
    store(1, by: first)
    pass(.seconds(20))
    #expect(owner.told == [Self.id(1)] && owner.settled.map(\.outcome) == ["unknown"])
    #expect(first.isOpen, "a close would free nothing, and leave a backend behind")
    #expect(spare.isOpen)
    spare.begin()
    submit(2)
    #expect(spare.sent.count == 2)
    store(2, by: spare)
    spare.delegate?.finished()
    #expect(owner.settled.last?.outcome == "stored")
    #expect(writer.waitingSince != nil, "the first commit still hangs")
    // The same push again would wait in the ledger for its first try, and its whole batch would wait with it.
    submit(1)
    #expect(owner.settled.last?.id == Self.id(1) && owner.settled.last?.outcome == "unknown")
    #expect(spare.sent.count == 2)
    first.delegate?.finished()
    #expect(!first.isOpen && writer.waitingSince == nil)
    submit(1)
    store(by: spare)
    spare.delegate?.finished()
    answer([["{1}"]], by: spare)
    answer([[Self.id(1).description, "known", nil, nil]], by: spare)
    spare.delegate?.finished()
    #expect(owner.settled.last?.outcome == "duplicate", "the ledger knows the push now")
  }

  @Test func `no third session is opened when two sessions are silent`() {
    submit(1)
    store(1, by: first)
    pass(.seconds(20))
    spare.begin()
    submit(2)
    store(2, by: spare)
    pass(.seconds(20))
    pass(.seconds(600))
    #expect(owner.told == [1, 2].map(Self.id))
    #expect(first.isOpen && spare.isOpen && spare.sent.count == 2)
    submit(3)
    pass(.seconds(20))
    #expect(owner.settled.last?.id == Self.id(3) && owner.settled.last?.outcome == "unavailable")
    // The session that answers first takes the pushes from then on.
    spare.delegate?.finished()
    #expect(owner.settled.last?.id == Self.id(2) && owner.settled.last?.outcome == "stored")
    submit(4)
    #expect(spare.sent.count == 3)
  }

  @Test func `a session whose settings get no answer is left alone as well`() {
    first.delegate?.disconnected(DatabaseError(.connectionLost, "terminated"))
    pass(.seconds(1))
    #expect(first.isOpen)
    first.delegate?.connected()
    pass(.seconds(20))
    #expect(first.isOpen && spare.isOpen)
    spare.begin()
    submit(1)
    #expect(spare.sent.count == 2)
    pass(.seconds(600))
    #expect(spare.sent.count == 2, "no third session is tried")
    first.delegate?.finished()
    #expect(!first.isOpen)
  }

  @Test func `when the writer closes, a hanging push is unknown, and waiting and later pushes are refused`() {
    submit(1)
    store(1, by: first)
    submit(2)
    writer.close()
    submit(3)
    #expect(owner.settled.map(\.outcome) == ["unknown", "unavailable", "unavailable"])
    #expect(owner.settled.map(\.id) == [1, 2, 3].map(Self.id))
    #expect(!first.isOpen && loop.deadlineCount == 0)
  }
}
