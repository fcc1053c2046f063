import Protocol
import Testing

@testable import App

/// In which order the queue tries units, how it divides them, and when it ends.
@Suite struct RollupQueueTests {
  private static let bucket: Int64 = 300

  private func unit(_ server: Int32, _ buckets: Range<Int64>, attempts: Int32 = 0) -> RollupUnit {
    RollupUnit(
      id: Int64(server) * 1_000_000 + buckets.lowerBound, server: server,
      start: Timestamp(unixSeconds: buckets.lowerBound * Self.bucket),
      end: Timestamp(unixSeconds: buckets.upperBound * Self.bucket), attempts: attempts)
  }

  private struct Outcome {
    var made: Set<[Int64]> = []
    var aside: [RollupUnit] = []
    var tries = 0
  }

  /// Tries all units against a table in which some buckets of some servers cannot be rolled up.
  private func run(
    _ units: [RollupUnit], servers: Int = 50, span: Duration = .seconds(86_400), limit: Int = 16,
    failing: (Int32, Int64) -> Bool
  ) -> Outcome {
    var queue = RollupQueue(units, .fiveMinutes, servers: servers, span: span, failureLimit: limit)
    var outcome = Outcome()
    func buckets(_ unit: RollupUnit) -> Range<Int64> {
      unit.start.unixMicroseconds / (Self.bucket * 1_000_000)..<unit.end.unixMicroseconds / (Self.bucket * 1_000_000)
    }
    while let group = queue.next() {
      outcome.tries += 1
      if group.contains(where: { unit in buckets(unit).contains { failing(unit.server, $0) } }) {
        switch queue.failed(group) {
        case .halved: break
        case .cut(let time):
          var (earlier, later) = (group[0], group[0])
          earlier.end = time
          later.start = time
          #expect(earlier.start < earlier.end && later.start < later.end)
          queue.add(earlier)
          queue.add(later)
        case .setAside:
          outcome.aside += group
          if queue.isHopeless { outcome.aside += queue.takeRest() }
        }
      } else {
        queue.succeeded()
        for unit in group { for bucket in buckets(unit) { outcome.made.insert([Int64(unit.server), bucket]) } }
      }
    }
    return outcome
  }

  @Test(arguments: [0, 1, 35, 70, 71])
  func `one bad bucket of one of fifty servers is set aside by itself`(_ bad: Int64) {
    let outcome = run((0..<50).map { unit($0, 0..<72) }) { $0 == 17 && $1 == bad }
    #expect(outcome.aside.map(\.start) == [Timestamp(unixSeconds: bad * Self.bucket)])
    #expect(outcome.aside.map(\.end) == [Timestamp(unixSeconds: (bad + 1) * Self.bucket)])
    #expect(outcome.made.count == 50 * 72 - 1)
    #expect(outcome.tries < 40)
  }

  @Test func `a server whose buckets all fail stops no other server and is not tried endlessly`() {
    let outcome = run((0..<50).map { unit($0, 0..<72) }) { server, _ in server == 0 }
    #expect(Set(outcome.aside.map(\.server)) == [0])
    #expect(outcome.made.count == 49 * 72)
    #expect(outcome.tries < 64)
  }

  @Test func `a table whose units all fail is given up after the permitted number of failures`() {
    let outcome = run((0..<200).map { unit($0, 0..<72) }, limit: 16) { _, _ in true }
    #expect(outcome.tries == 16)
    #expect(Set(outcome.aside.map(\.server)) == Set(0..<200), "all units wait")
    #expect(outcome.made == [])
  }

  @Test func `a unit that failed before is tried by itself`() {
    let units = [unit(1, 0..<2), unit(2, 0..<2), unit(3, 0..<2, attempts: 1), unit(4, 0..<2, attempts: 2)]
    var queue = RollupQueue(units, .fiveMinutes, servers: 50, span: .seconds(86_400), failureLimit: 16)
    #expect(queue.next()?.map(\.server) == [1, 2])
    #expect(queue.next()?.map(\.server) == [3])
    #expect(queue.next()?.map(\.server) == [4])
    #expect(queue.next() == nil)
  }

  @Test func `a group stays within the permitted number of servers and length of time`() {
    let units = [unit(1, 0..<12), unit(2, 0..<12), unit(3, 0..<12), unit(1, 12..<24), unit(1, 24..<25)]
    var queue = RollupQueue(units, .fiveMinutes, servers: 2, span: .seconds(7200), failureLimit: 16)
    #expect(queue.next()?.count == 2)
    #expect(queue.next()?.map(\.start.unixMicroseconds) == [0, 3_600_000_000])
    #expect(queue.next()?.map(\.start.unixMicroseconds) == [7_200_000_000])
    #expect(queue.next() == nil)
  }

  @Test func `the advice about worker processes comes only if too few are permitted`() {
    #expect(WorkerProcesses(permitted: 27, needed: 27).advice == nil)
    let advice = WorkerProcesses(permitted: 26, needed: 27).advice
    #expect(advice?.contains("max_worker_processes = 27") == true)
  }
}
