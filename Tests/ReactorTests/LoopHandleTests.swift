import Glibc
import Synchronization
import Testing

@testable import Reactor

@Suite struct LoopHandleTests {
  @Test func `jobs from many threads run exactly once each, in the order of their thread`() throws {
    let threads = 4
    let jobsEach = 2000
    let journal = Received(threads)
    let loop = try EventLoop()
    let handle = loop.handle
    try withRunning(threads) { thread in
      for number in 0..<jobsEach { handle.submit { _ in journal.append(number, from: thread) } }
    } whileRunning: {
      #expect(loop.turn { journal.all.allSatisfy { $0.count >= jobsEach } })
    }
    loop.turn(waitingAtMost: .zero)
    #expect(journal.all == [[Int]](repeating: Array(0..<jobsEach), count: threads))
    #expect(loop.takeStatistics().jobs == UInt64(threads * jobsEach))
    loop.end()
  }

  @Test func `jobs that wait together cost one write to the flag`() throws {
    let loop = try EventLoop()
    for round in 1...2 {
      for _ in 0..<100 { loop.handle.submit { _ in } }
      // The flag counts the writes to it. Reading the count lowers the flag, so the test raises it again.
      var writes: UInt64 = 0
      #expect(read(loop.handle.flag, &writes, 8) == 8 && writes == 1)
      #expect(write(loop.handle.flag, &writes, 8) == 8)
      loop.turn()
      #expect(loop.takeStatistics().jobs == UInt64(100 * round))
    }
    loop.end()
  }

  @Test func `a job submitted by a job runs in the next turn`() throws {
    let loop = try EventLoop()
    let journal = Journal()
    loop.handle.submit { loop in
      journal.note("first")
      loop.handle.submit { _ in journal.note("second") }
    }
    loop.turn()
    #expect(journal.entries == ["first"])
    loop.turn()
    #expect(journal.entries == ["first", "second"])
    loop.end()
  }

  @Test func `jobs that are accepted before the end run, with a last flush, and later jobs are refused`() throws {
    let loop = try EventLoop()
    let journal = Journal()
    let handle = loop.handle
    handle.submit { loop in
      loop.stop()
      // The job is accepted in the last turn; no other turn follows.
      #expect(
        loop.handle.submit { loop in
          journal.note("job")
          let probe = Probe()
          probe.onTurnEnd = { journal.note("flush") }
          loop.atTurnEnd(probe)
        })
    }
    loop.run()
    #expect(journal.entries == ["job", "flush"])
    #expect(!handle.submit { _ in journal.note("too late") })
    handle.stop()
    #expect(journal.entries == ["job", "flush"])
  }

  @Test func `the inbox takes its limit and not one job more`() throws {
    let loop = try EventLoop()
    let accepted = (0..<LoopHandle.maximumWaitingJobs).count { _ in loop.handle.submit { _ in } }
    #expect(accepted == LoopHandle.maximumWaitingJobs)
    #expect(!loop.handle.submit { _ in })
    loop.turn()
    #expect(loop.takeStatistics().jobs == UInt64(LoopHandle.maximumWaitingJobs))
    #expect(loop.handle.submit { _ in })
    loop.end()
  }

  @Test func `a handle outlives its loop`() throws {
    var loop: EventLoop? = try EventLoop()
    let handle = try #require(loop).handle
    loop = nil
    #expect(!handle.submit { _ in })
  }

  private func withRunning(
    _ count: Int, _ body: @escaping @Sendable (Int) -> Void, whileRunning: () -> Void
  ) throws {
    let threads = try (0..<count).map { number in try SystemThread(name: "sender \(number)") { body(number) } }
    whileRunning()
    for thread in threads { thread.join() }
  }
}

private final class Received: Sendable {
  private let numbers: Mutex<[[Int]]>

  init(_ threads: Int) { numbers = Mutex([[Int]](repeating: [], count: threads)) }

  func append(_ number: Int, from thread: Int) { numbers.withLock { $0[thread].append(number) } }
  var all: [[Int]] { numbers.withLock { $0 } }
}
