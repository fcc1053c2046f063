import Ground
import Protocol
import Reactor
import Testing

@testable import App

@Suite struct PacingMachineTests {
  private typealias Batches = PacingMachine.Batches

  private static let aim = PacingMachine.Aim(
    slowdownPercent: 10, freePerSecond: .milliseconds(20), longestWait: .seconds(10))

  /// A fleet, its database, and clients that query without a pause. Time passes in steps, and batches take longer while
  /// queries run.
  private struct World {
    var machine = PacingMachine()
    var aim = PacingMachineTests.aim
    var now = MonotonicTime(nanoseconds: 1_000_000_000_000)
    var batchesPerSecond: Double
    var usual: Duration
    /// The factor by which a batch takes longer, by the number of running queries.
    var slowdown: [Double]
    var connections = 2
    var clients = 0
    var queryTime = Duration.milliseconds(300)
    var random = QuickRandom(seed: 1)

    private(set) var answered = 0
    private(set) var longestWait = Duration.zero
    /// Batches without and with running queries.
    private(set) var alone = Batches()
    private(set) var beside = Batches()
    private var waiting: [MonotonicTime] = []
    private var work = PacingMachine.Work()
    private var ends: [MonotonicTime] = []
    private var due = 0.0

    init(batchesPerSecond: Double, usual: Duration = .milliseconds(4), slowdown: [Double] = [1, 1.3, 1.8]) {
      (self.batchesPerSecond, self.usual, self.slowdown) = (batchesPerSecond, usual, slowdown)
    }

    var atWork: Int { ends.count }

    mutating func run(_ time: Duration) {
      let end = now + time
      while now < end { step(.milliseconds(20)) }
    }

    private mutating func step(_ step: Duration) {
      due += batchesPerSecond * (step / .seconds(1))
      var (stepAlone, stepBeside) = (Batches(), Batches())
      while due >= 1 {
        due -= 1
        // A batch takes between half and one and a half times as long. This noise must not look like the effect of
        // queries.
        let noise = 0.5 + Double.random(in: 0..<1, using: &random)
        let batch = Batches(count: 1, total: usual * slowdown[min(atWork, slowdown.count - 1)] * noise)
        if atWork == 0 { stepAlone += batch } else { stepBeside += batch }
      }
      alone += stepAlone
      beside += stepBeside
      now = now + step
      answered += ends.count { $0 <= now }
      for end in ends where end <= now { work.end(at: end) }
      ends.removeAll { $0 <= now }
      while waiting.count + ends.count < clients { waiting.append(now) }
      machine.record(alone: stepAlone, beside: stepBeside, at: now, aim)
      while let since = waiting.first, ends.count < connections,
        machine.mayBegin(since: since, beside: work, of: connections, at: now, aim)
      {
        work.begin(at: now)
        waiting.removeFirst()
        longestWait = max(longestWait, now - since)
        ends.append(now + queryTime)
      }
    }

    /// The fraction by which batches took longer than usual, on average.
    var meanSlowdown: Double {
      ((alone.total + beside.total) / (usual * (alone.count + beside.count))) - 1
    }
  }

  @Test func `queries that hardly slow pushes down are not put off`() {
    var world = World(batchesPerSecond: 100, slowdown: [1, 1.02, 1.05])
    world.run(.seconds(5))
    world.clients = 4
    world.run(.seconds(25))
    // Two queries of 300 ms at a time, in steps of 20 ms.
    #expect(world.answered >= 150)
  }

  @Test(arguments: [1.0, 3.0]) func `no query is put off for a fleet that pushes little`(perSecond: Double) {
    var world = World(batchesPerSecond: perSecond, slowdown: [1, 2.5, 2.5])
    world.run(.seconds(20))
    world.clients = 1
    world.run(.seconds(60))
    #expect(world.longestWait == .zero)
    #expect(world.machine.room > 0.5)
  }

  @Test(arguments: [[1, 1.3, 1.8], [1, 2, 3], [1, 1.15, 1.4]])
  func `the mean slowdown of pushes stays at the allowed value, and queries get the rest`(slowdown: [Double]) {
    var world = World(batchesPerSecond: 100, slowdown: slowdown)
    world.run(.seconds(5))
    world.clients = 4
    world.run(.seconds(60))
    // The aim allows 10 %, and 20 ms of 100 × 4 ms, which are another 5 %. One credit more or less explains the rest.
    #expect(world.meanSlowdown < 0.19)
    #expect(world.meanSlowdown > 0.05)
    #expect(world.answered > 20)
  }

  @Test func `one query runs where two would cost too much`() {
    var world = World(batchesPerSecond: 100, slowdown: [1, 1.05, 2])
    world.run(.seconds(5))
    world.clients = 4
    world.run(.seconds(30))
    // One query of 300 ms at a time without a pause would make a hundred answers.
    #expect(world.answered >= 85)
    #expect(world.meanSlowdown < 0.19)
  }

  @Test func `after a debt, queries run one at a time for a while`() {
    var machine = PacingMachine()
    let start = MonotonicTime(nanoseconds: 1_000_000_000_000)
    func record(_ batches: Int, _ total: Duration, beside: Bool, after seconds: Int64) {
      let batches = Batches(count: batches, total: total)
      let (alone, others) = beside ? (Batches(), batches) : (batches, Batches())
      machine.record(alone: alone, beside: others, at: start + .seconds(seconds), Self.aim)
    }
    func mayBegin(atWork: Int, after seconds: Int64) -> Bool {
      let now = start + .seconds(seconds)
      var work = PacingMachine.Work()
      for _ in 0..<atWork { work.begin(at: now) }
      return machine.mayBegin(since: now, beside: work, of: 2, at: now, Self.aim)
    }
    record(100, .milliseconds(400), beside: false, after: 0)
    #expect(mayBegin(atWork: 1, after: 0))
    record(100, .milliseconds(1200), beside: true, after: 1)
    #expect(machine.room == -1.5 && !mayBegin(atWork: 0, after: 1))
    for second in Int64(2)...20 { record(100, .milliseconds(400), beside: false, after: second) }
    #expect(machine.room == 1, "the debt is paid")
    #expect(mayBegin(atWork: 0, after: 10) && !mayBegin(atWork: 1, after: 10))
    #expect(mayBegin(atWork: 1, after: 20))
  }

  @Test(arguments: [(-0.5, 100), (-0.75, 300), (-0.2, 25)])
  func `in debt, a query rests after the last one in proportion to its time`(room: Double, rest: Int64) {
    var work = PacingMachine.Work()
    let start = MonotonicTime(nanoseconds: 1_000_000_000_000)
    work.begin(at: start)
    work.end(at: start + .milliseconds(100))
    func rested(_ milliseconds: Int64) -> Bool {
      work.hasRested(for: 1 + room, at: start + .milliseconds(100 + milliseconds))
    }
    #expect(!rested(rest - 1))
    #expect(rested(rest + 1))
    #expect(!work.hasRested(for: 0, at: start + .seconds(3600)), "the rest at a whole debt has no end")
  }

  @Test func `queries that slow batches down moderately keep their least share of the time`() {
    var world = World(batchesPerSecond: 100, slowdown: [1, 1.3, 1.3])
    world.aim.slowdownPercent = 0
    world.aim.freePerSecond = .zero
    world.aim.leastSharePercent = 30
    world.run(.seconds(5))
    world.clients = 4
    world.run(.seconds(60))
    // A query of 300 ms and a rest of 700 ms, in steps of 20 ms.
    #expect(world.answered >= 55 && world.answered <= 75)
    #expect(world.longestWait < .seconds(5))
  }

  @Test func `queries that slow batches down a lot have no least share`() {
    var world = World(batchesPerSecond: 100, slowdown: [1, 3, 3])
    world.aim.slowdownPercent = 0
    world.aim.freePerSecond = .zero
    world.aim.leastSharePercent = 30
    world.run(.seconds(5))
    world.clients = 4
    world.run(.seconds(60))
    // Each of four clients waits for the longest wait, ten seconds.
    #expect(world.answered <= 24)
  }

  @Test func `one query may follow the other once no batch is committed any more`() {
    var machine = PacingMachine()
    let start = MonotonicTime(nanoseconds: 1_000_000_000_000)
    machine.record(alone: Batches(count: 100, total: .milliseconds(400)), beside: Batches(), at: start, Self.aim)
    let slow = Batches(count: 100, total: .milliseconds(1200))
    machine.record(alone: Batches(), beside: slow, at: start + .seconds(1), Self.aim)
    #expect(machine.room == -1.5)
    machine.record(alone: Batches(), beside: Batches(), at: start + .milliseconds(2900), Self.aim)
    #expect(machine.room < 0.5)
    machine.record(alone: Batches(), beside: Batches(), at: start + .seconds(3), Self.aim)
    #expect(machine.room == 0.5)
  }

  @Test func `a query begins after the longest wait, whatever it costs`() {
    var world = World(batchesPerSecond: 100, slowdown: [1, 40, 40])
    world.aim.slowdownPercent = 0
    world.aim.freePerSecond = .zero
    world.run(.seconds(5))
    world.clients = 4
    world.run(.seconds(60))
    #expect(world.longestWait >= .seconds(9))
    #expect(world.longestWait <= .seconds(10) + world.queryTime + .milliseconds(40))
    #expect(world.answered >= 8)
  }

  @Test func `no query is put off if the longest wait is zero`() {
    var world = World(batchesPerSecond: 100, slowdown: [1, 40, 40])
    world.aim.longestWait = .zero
    world.run(.seconds(5))
    world.clients = 2
    world.run(.seconds(10))
    #expect(world.longestWait <= .milliseconds(20))
  }

  @Test func `room recovers within seconds once queries no longer slow pushes down`() {
    var world = World(batchesPerSecond: 100, slowdown: [1, 4, 4])
    world.run(.seconds(5))
    world.clients = 4
    world.run(.seconds(20))
    #expect(world.machine.room < 0.5)
    world.slowdown = [1, 1, 1]
    world.run(.seconds(7))
    #expect(world.machine.room > 0.9)
  }

  @Test func `a grown fleet changes the usual time, and no query is blamed for it`() {
    var world = World(batchesPerSecond: 100, slowdown: [1, 1, 1])
    world.run(.seconds(5))
    world.clients = 4
    world.usual = .milliseconds(12)
    // The growth looks like a debt at first. The debt causes the pauses in which the machine measures the new usual
    // time.
    world.run(.seconds(40))
    let before = world.answered
    world.run(.seconds(10))
    #expect(world.answered - before >= 60)
    #expect(world.machine.usual! > .milliseconds(10))
  }

  @Test func `queries pause for a moment now and then to measure the usual time`() {
    var world = World(batchesPerSecond: 100, slowdown: [1, 1, 1])
    world.clients = 4
    world.run(.seconds(5))
    #expect(world.machine.usual != nil)
    world.usual = .milliseconds(2)
    world.run(.seconds(100))
    #expect(world.machine.usual! < .milliseconds(3.5))
    // The measurement costs no query a long wait.
    #expect(world.longestWait < .seconds(1.5))
  }

  @Test func `queries do not pause for a fleet that pushes little`() {
    var world = World(batchesPerSecond: 1, slowdown: [1, 1.5, 1.5])
    world.clients = 1
    world.run(.seconds(120))
    #expect(world.longestWait == .zero)
    #expect(world.machine.usual == nil)
  }

  @Test func `batches beside queries are separated from others, and the longest are capped`() {
    let start = MonotonicTime(nanoseconds: 1_000_000_000_000)
    let pacing = QueryPacing(Live(constant: Self.aim))
    func usual() -> Duration { pacing.snapshot(at: start).usual }
    pacing.committed(after: .milliseconds(4), since: start)
    #expect(usual() == .milliseconds(4))
    pacing.began(at: start)
    pacing.committed(after: .milliseconds(400), since: start)
    #expect(usual() == .milliseconds(4))
    let room = pacing.snapshot(at: start).room
    // A batch counts for three usual ones at most: an excess of twice 4 ms, against a credit of 130 ms.
    #expect(room < 1 && room > 0.9)
    pacing.ended(at: start + .seconds(1))
    // The batch began before the query ended.
    pacing.committed(after: .milliseconds(400), since: start + .milliseconds(999))
    #expect(usual() == .milliseconds(4))
    pacing.committed(after: .milliseconds(6), since: start + .seconds(1))
    #expect(usual() == .milliseconds(5))
  }

  @Test func `each query that is put off or let through is counted once`() {
    let start = MonotonicTime(nanoseconds: 1_000_000_000_000)
    let pacing = QueryPacing(
      Live(constant: .init(slowdownPercent: 0, freePerSecond: .zero, longestWait: .seconds(5))))
    pacing.committed(after: .milliseconds(4), since: start)
    func may(_ after: Duration, wasPutOff: Bool) -> Bool {
      pacing.mayBegin(since: start, of: 2, wasPutOff: wasPutOff, at: start + after)
    }
    #expect(may(.zero, wasPutOff: false))
    pacing.began(at: start)
    for _ in 0..<100 { pacing.committed(after: .seconds(1), since: start) }
    #expect(!may(.milliseconds(20), wasPutOff: false))
    #expect(!may(.milliseconds(40), wasPutOff: true))
    #expect(may(.seconds(5), wasPutOff: true))
    let snapshot = pacing.snapshot(at: start + .seconds(5))
    #expect((snapshot.putOff, snapshot.letThrough, snapshot.atWork) == (1, 1, 1))
  }
}

extension PacingMachine.Batches {
  fileprivate static func += (left: inout PacingMachine.Batches, right: PacingMachine.Batches) {
    left.count += right.count
    left.total += right.total
  }
}
