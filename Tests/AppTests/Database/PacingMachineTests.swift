import Ground
import Protocol
import Reactor
import Testing

@testable import App

@Suite struct PacingMachineTests {
  private typealias Batches = PacingMachine.Batches

  private static let aim = PacingMachine.Aim(
    slowdownPercent: 10, freePerSecond: .milliseconds(20), longestWait: .seconds(10))

  /// A fleet, its database, and clients that ask without a pause: time goes by in steps, and batches take longer while
  /// queries are at work.
  private struct World {
    var machine = PacingMachine()
    var aim = PacingMachineTests.aim
    var now = MonotonicTime(nanoseconds: 1_000_000_000_000)
    var batchesPerSecond: Double
    var usual: Duration
    /// Of a batch, by how many queries are at work.
    var slowdown: [Double]
    var connections = 2
    var clients = 0
    var queryTime = Duration.milliseconds(300)
    var random = QuickRandom(seed: 1)

    private(set) var answered = 0
    private(set) var longestWait = Duration.zero
    /// Without and with queries at work.
    private(set) var alone = Batches()
    private(set) var beside = Batches()
    private var waiting: [MonotonicTime] = []
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
        // Between half and one and a half times as long: noise that must not look like queries' doing.
        let noise = 0.5 + Double.random(in: 0..<1, using: &random)
        let batch = Batches(count: 1, total: usual * slowdown[min(atWork, slowdown.count - 1)] * noise)
        if atWork == 0 { stepAlone += batch } else { stepBeside += batch }
      }
      alone += stepAlone
      beside += stepBeside
      now = now + step
      answered += ends.count { $0 <= now }
      ends.removeAll { $0 <= now }
      while waiting.count + ends.count < clients { waiting.append(now) }
      machine.hear(alone: stepAlone, beside: stepBeside, at: now, aim)
      while let since = waiting.first, ends.count < connections,
        machine.mayBegin(since: since, atWork: atWork, of: connections, at: now, aim)
      {
        waiting.removeFirst()
        longestWait = max(longestWait, now - since)
        ends.append(now + queryTime)
      }
    }

    /// By how much batches took longer than usual, on average.
    var meanSlowdown: Double {
      ((alone.total + beside.total) / (usual * (alone.count + beside.count))) - 1
    }
  }

  @Test func `puts nobody off whose queries cost pushes nothing`() {
    var world = World(batchesPerSecond: 100, slowdown: [1, 1.02, 1.05])
    world.run(.seconds(5))
    world.clients = 4
    world.run(.seconds(25))
    // Two at a time of 300 ms, in steps of 20 ms.
    #expect(world.answered >= 150)
  }

  @Test(arguments: [1.0, 3.0]) func `puts nobody off for a fleet that pushes little`(perSecond: Double) {
    var world = World(batchesPerSecond: perSecond, slowdown: [1, 2.5, 2.5])
    world.run(.seconds(20))
    world.clients = 1
    world.run(.seconds(60))
    #expect(world.longestWait == .zero)
    #expect(world.machine.room > 0.5)
  }

  @Test(arguments: [[1, 1.3, 1.8], [1, 2, 3], [1, 1.15, 1.4]])
  func `keeps the mean slowdown of pushes at what is allowed, and lets queries have the rest`(slowdown: [Double]) {
    var world = World(batchesPerSecond: 100, slowdown: slowdown)
    world.run(.seconds(5))
    world.clients = 4
    world.run(.seconds(60))
    // 10 % and 20 ms of 100 × 4 ms, which are 5 %; and what one credit more or less is.
    #expect(world.meanSlowdown < 0.19)
    #expect(world.meanSlowdown > 0.05)
    #expect(world.answered > 20)
  }

  @Test func `lets one query work where two would cost too much`() {
    var world = World(batchesPerSecond: 100, slowdown: [1, 1.05, 2])
    world.run(.seconds(5))
    world.clients = 4
    world.run(.seconds(30))
    // One at a time of 300 ms without a pause would be a hundred.
    #expect(world.answered >= 85)
    #expect(world.meanSlowdown < 0.19)
  }

  @Test func `lets one query after the other work for a while after a debt`() {
    var machine = PacingMachine()
    let start = MonotonicTime(nanoseconds: 1_000_000_000_000)
    func hear(_ batches: Int, _ total: Duration, beside: Bool, after seconds: Int64) {
      let batches = Batches(count: batches, total: total)
      let (alone, others) = beside ? (Batches(), batches) : (batches, Batches())
      machine.hear(alone: alone, beside: others, at: start + .seconds(seconds), Self.aim)
    }
    func mayBegin(atWork: Int, after seconds: Int64) -> Bool {
      let now = start + .seconds(seconds)
      return machine.mayBegin(since: now, atWork: atWork, of: 2, at: now, Self.aim)
    }
    hear(100, .milliseconds(400), beside: false, after: 0)
    #expect(mayBegin(atWork: 1, after: 0))
    hear(100, .milliseconds(1200), beside: true, after: 1)
    #expect(machine.room == -1 && !mayBegin(atWork: 0, after: 1))
    for second in Int64(2)...10 { hear(100, .milliseconds(400), beside: false, after: second) }
    #expect(machine.room == 1, "the debt is paid")
    #expect(mayBegin(atWork: 0, after: 10) && !mayBegin(atWork: 1, after: 10))
    #expect(mayBegin(atWork: 1, after: 20))
  }

  @Test func `lets a query through in the end, whatever it costs`() {
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

  @Test func `puts nobody off if that is set to zero`() {
    var world = World(batchesPerSecond: 100, slowdown: [1, 40, 40])
    world.aim.longestWait = .zero
    world.run(.seconds(5))
    world.clients = 2
    world.run(.seconds(10))
    #expect(world.longestWait <= .milliseconds(20))
  }

  @Test func `forgives within seconds once pushes are well`() {
    var world = World(batchesPerSecond: 100, slowdown: [1, 4, 4])
    world.run(.seconds(5))
    world.clients = 4
    world.run(.seconds(20))
    #expect(world.machine.room < 0.5)
    world.slowdown = [1, 1, 1]
    world.run(.seconds(5))
    #expect(world.machine.room > 0.9)
  }

  @Test func `learns that the fleet has grown, and blames no query for it`() {
    var world = World(batchesPerSecond: 100, slowdown: [1, 1, 1])
    world.run(.seconds(5))
    world.clients = 4
    world.usual = .milliseconds(12)
    // The debt that this looks like at first makes the pauses in which the new usual time is heard.
    world.run(.seconds(40))
    let before = world.answered
    world.run(.seconds(10))
    #expect(world.answered - before >= 60)
    #expect(world.machine.usual! > .milliseconds(10))
  }

  @Test func `listens for a moment now and then where queries leave none`() {
    var world = World(batchesPerSecond: 100, slowdown: [1, 1, 1])
    world.clients = 4
    world.run(.seconds(5))
    #expect(world.machine.usual != nil)
    world.usual = .milliseconds(2)
    world.run(.seconds(100))
    #expect(world.machine.usual! < .milliseconds(3.5))
    // Not at the cost of anybody's patience.
    #expect(world.longestWait < .seconds(1.5))
  }

  @Test func `does not listen for a fleet that pushes little`() {
    var world = World(batchesPerSecond: 1, slowdown: [1, 1.5, 1.5])
    world.clients = 1
    world.run(.seconds(120))
    #expect(world.longestWait == .zero)
    #expect(world.machine.usual == nil)
  }

  @Test func `tells batches beside queries from others, and caps the longest`() {
    let start = MonotonicTime(nanoseconds: 1_000_000_000_000)
    let pacing = QueryPacing(Live(constant: Self.aim))
    func usual() -> Duration { pacing.snapshot(at: start).usual }
    pacing.committed(after: .milliseconds(4), since: start)
    #expect(usual() == .milliseconds(4))
    pacing.began()
    pacing.committed(after: .milliseconds(400), since: start)
    #expect(usual() == .milliseconds(4))
    let room = pacing.snapshot(at: start).room
    // Four usual ones at most: three of 4 ms too late, against a credit of 130 ms.
    #expect(room < 1 && room > 0.9)
    pacing.ended(at: start + .seconds(1))
    // It began before the query had ended.
    pacing.committed(after: .milliseconds(400), since: start + .milliseconds(999))
    #expect(usual() == .milliseconds(4))
    pacing.committed(after: .milliseconds(6), since: start + .seconds(1))
    #expect(usual() == .milliseconds(5))
  }

  @Test func `counts those put off and those let through, each once`() {
    let start = MonotonicTime(nanoseconds: 1_000_000_000_000)
    let pacing = QueryPacing(
      Live(constant: .init(slowdownPercent: 0, freePerSecond: .zero, longestWait: .seconds(5))))
    pacing.committed(after: .milliseconds(4), since: start)
    func may(_ after: Duration, wasPutOff: Bool) -> Bool {
      pacing.mayBegin(since: start, of: 2, wasPutOff: wasPutOff, at: start + after)
    }
    #expect(may(.zero, wasPutOff: false))
    pacing.began()
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
