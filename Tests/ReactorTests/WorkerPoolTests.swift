import Testing

@testable import Reactor

@Suite struct WorkerPoolTests {
  @Test func `every job gives its own result`() async throws {
    let pool = try WorkerPool(name: "worker", threads: 3, maximumWaiting: 200)
    let results = try await withThrowingTaskGroup(of: Int.self) { group in
      for number in 0..<200 { group.addTask { try await pool.run { number * number } } }
      return try await group.reduce(0, +)
    }
    #expect(results == (0..<200).map { $0 * $0 }.reduce(0, +))
    pool.stop()
  }

  @Test func `the queue takes its limit and not one job more, and a finished job makes room`() throws {
    let pool = try WorkerPool(name: "worker", threads: 1, maximumWaiting: 2)
    let gate = try Gate()
    for _ in 0..<3 { try pool.submit { gate.pass() } }
    #expect(throws: WorkerPoolError.queueFull(limit: 2)) { try pool.submit {} }
    gate.open(1)
    gate.waitUntilPassed(1)
    // The job has passed the gate. It counts as finished a moment later.
    var isAccepted = false
    while !isAccepted {
      do throws(WorkerPoolError) {
        try pool.submit { gate.pass() }
        isAccepted = true
      } catch {
        #expect(error == .queueFull(limit: 2))
      }
    }
    #expect(throws: WorkerPoolError.queueFull(limit: 2)) { try pool.submit {} }
    gate.open(3)
    pool.stop()
  }

  @Test func `stopping finishes what was accepted and refuses the rest`() async throws {
    let pool = try WorkerPool(name: "worker", threads: 2, maximumWaiting: 10)
    let journal = Journal()
    for number in 0..<10 { try pool.submit { journal.note("\(number)") } }
    pool.stop()
    pool.stop()
    #expect(Set(journal.entries) == Set((0..<10).map(String.init)))
    await #expect(throws: WorkerPoolError.stopped) { try await pool.run { 1 } }
  }

  @Test func `a worker hands its result to a loop through the handle`() throws {
    let pool = try WorkerPool(name: "worker", threads: 1, maximumWaiting: 1)
    let loop = try EventLoop()
    let handle = loop.handle
    let journal = Journal()
    try pool.submit { handle.submit { loop in journal.note("on loop \(loop.index)") } }
    #expect(loop.turn { !journal.entries.isEmpty })
    #expect(journal.entries == ["on loop 0"])
    pool.stop()
    loop.end()
  }
}

/// Holds jobs back until the test lets them pass.
private final class Gate: Sendable {
  private let tickets: Semaphore
  private let passed: Semaphore

  init() throws(SystemCallError) {
    tickets = try Semaphore()
    passed = try Semaphore()
  }

  func open(_ count: Int) { tickets.post(count) }
  func pass() {
    tickets.wait()
    passed.post()
  }
  func waitUntilPassed(_ count: Int) { for _ in 0..<count { passed.wait() } }
}
