import Reactor
import Testing

@testable import Bench

/// Times in these tests are made up: a schedule has no clock of its own.
struct ArrivalScheduleTests {
  private let joined = MonotonicTime(nanoseconds: 1_000_000_000_000)

  private func schedule(_ pace: Pace, jitter: Double = 0, phase: Double = 0, seed: UInt64 = 1) -> ArrivalSchedule {
    ArrivalSchedule(pace: pace, jitter: jitter, origin: joined, joinedAt: joined, phase: phase, seed: seed)
  }

  /// Due times in seconds since the collector joined.
  private func dueTimes(
    _ schedule: ArrivalSchedule, _ count: Int, answered: (MonotonicTime) -> MonotonicTime = { $0 }
  ) -> [Double] {
    var schedule = schedule
    var due = schedule.first()
    var times = [due]
    for _ in 1..<count {
      due = schedule.next(answeredAt: answered(due))
      times.append(due)
    }
    return times.map { joined.duration(to: $0).inSeconds }
  }

  @Test func `paced pushes are due at exact intervals for ever`() {
    let times = dueTimes(schedule(.interval(.milliseconds(100)), phase: 0.25), 100_001)
    #expect(times[0] == 0.025)
    #expect(abs(times[100_000] - 10_000.025) < 1e-6, "no drift")
  }

  @Test(arguments: [(6.667, 4.0), (6.667, 0), (2, 4), (3, 10), (10, 7)])
  func `a fleet pushes evenly after its ramp, and grows evenly in the ramp`(interval: Double, ramp: Double) throws {
    let server = try TestServer { _ in .acknowledge }
    defer { server.stop() }
    var plan = try server.plan(
      collectors: 400, duration: .seconds(20), pace: .interval(.milliseconds(Int64(interval * 1000))))
    plan.ramp = .milliseconds(Int64(ramp * 1000))
    var seconds = [Double](repeating: 0, count: 40)
    for collector in 0..<plan.collectors {
      var schedule = ArrivalSchedule(of: collector, in: plan, start: joined)
      var due = schedule.first()
      while joined.duration(to: due).inSeconds < 40 {
        seconds[Int(joined.duration(to: due).inSeconds)] += 1
        due = schedule.next(answeredAt: due)
      }
    }
    let even = 400 / interval
    for (second, count) in seconds.enumerated() {
      let grown = ramp == 0 ? 1 : min(1, (Double(second) + 0.5) / ramp)
      let expected = Double(second) >= ramp ? even : even * grown
      #expect(abs(count - expected) <= 0.05 * even + 2, "second \(second) of \(seconds)")
    }
  }

  @Test func `the due times of an open loop do not depend on the server's answers`() {
    for pace in [Pace.interval(.milliseconds(10)), .poisson(mean: .milliseconds(10))] {
      let prompt = dueTimes(schedule(pace), 500)
      // The server stops for a minute after each push. Pushes fall due all the same.
      let stalled = dueTimes(schedule(pace), 500) { $0 + .seconds(60) }
      #expect(prompt == stalled)
      #expect(stalled.last! < 10)
    }
  }

  @Test func `jitter delays a push by less than its share of the interval, and later pushes not at all`() {
    let times = dueTimes(schedule(.interval(.seconds(1)), jitter: 0.4), 2000)
    var delays: [Double] = []
    for (beat, time) in times.enumerated() { delays.append(time - Double(beat)) }
    #expect(delays.allSatisfy { $0 >= 0 && $0 < 0.4 })
    #expect(delays.max()! > 0.3 && delays.min()! < 0.1, "the whole jitter is used")
  }

  @Test(arguments: [UInt64(1), 2, 3])
  func `Poisson arrivals have the mean and the spread of an exponential distribution`(seed: UInt64) {
    let times = dueTimes(schedule(.poisson(mean: .seconds(2)), seed: seed), 20_000)
    let pauses = zip(times, times.dropFirst()).map { $1 - $0 }
    let mean = pauses.reduce(0, +) / Double(pauses.count)
    let variance = pauses.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / Double(pauses.count)
    #expect(abs(mean - 2) < 0.1, "seed \(seed)")
    #expect(abs(variance.squareRoot() - 2) < 0.15, "seed \(seed)")
    #expect(pauses.allSatisfy { $0 >= 0 })
    // In an exponential distribution, 1/e of the values lies beyond the mean.
    let beyond = Double(pauses.filter { $0 > 2 }.count) / Double(pauses.count)
    #expect(abs(beyond - 0.3679) < 0.02, "seed \(seed)")
  }

  @Test func `a closed loop waits for its think time after each answer, with jitter`() {
    let answer = { (due: MonotonicTime) in due + .seconds(5) }
    #expect(dueTimes(schedule(.closedLoop(think: .seconds(2))), 3, answered: answer) == [0, 7, 14])
    #expect(dueTimes(schedule(.closedLoop(think: .seconds(2)), phase: 0.5), 2, answered: answer) == [1, 8])
    let times = dueTimes(schedule(.closedLoop(think: .seconds(2)), jitter: 0.5), 1000, answered: answer)
    let pauses = zip(times, times.dropFirst()).map { $1 - $0 - 5 }
    #expect(pauses.allSatisfy { $0 >= 0.999 && $0 < 3.001 })
    #expect(pauses.max()! > 2.8 && pauses.min()! < 1.2)
    #expect(dueTimes(schedule(.closedLoop()), 3, answered: answer) == [0, 5, 10])
  }
}
