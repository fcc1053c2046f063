import Glibc
import HTTPClient
import Reactor
import Synchronization
import Testing

struct NameLookupTests {
  /// Results of look-ups, and whether they came on the thread that runs the loop.
  private final class Found: Sendable {
    typealias Entry = (result: Result<[SocketAddress], NameResolutionError>, thread: pthread_t)
    private let entries = Mutex<[Entry]>([])

    func note(_ result: Result<[SocketAddress], NameResolutionError>) {
      entries.withLock { $0.append((result, pthread_self())) }
    }

    var all: [Entry] { entries.withLock { $0 } }
  }

  private func waitFor(_ count: Int, _ found: Found, _ loop: EventLoop) {
    while found.all.count < count { loop.turn(waitingAtMost: .milliseconds(50)) }
  }

  @Test func `finds addresses, and says on the loop's thread which`() throws {
    let lookup = NameLookup(workers: try WorkerPool(name: "names", threads: 1, maximumWaiting: 4))
    let (loop, found) = (try EventLoop(), Found())
    try lookup.find(host: "127.0.0.1", port: 8443, for: loop.handle) { _, result in found.note(result) }
    // A label of a name has 63 bytes at most, so no name server is asked for this one.
    let impossible = String(repeating: "x", count: 300)
    try lookup.find(host: impossible, port: 1, for: loop.handle) { _, result in found.note(result) }
    waitFor(2, found, loop)

    #expect(try found.all[0].result.get() == [SocketAddress("127.0.0.1:8443")!])
    #expect(throws: NameResolutionError.self) { try found.all[1].result.get() }
    #expect(found.all.allSatisfy { pthread_equal($0.thread, pthread_self()) != 0 })
  }

  @Test func `refuses a look-up when as many wait as may`() throws {
    let workers = try WorkerPool(name: "names", threads: 1, maximumWaiting: 1)
    let lookup = NameLookup(workers: workers)
    let (loop, found) = (try EventLoop(), Found())
    let gate = Mutex(())
    try gate.withLock { _ in
      // The only worker waits for the gate, and one look-up waits for the worker.
      try workers.submit { gate.withLock { _ in } }
      try lookup.find(host: "127.0.0.1", port: 1, for: loop.handle) { _, result in found.note(result) }
      #expect(throws: WorkerPoolError.queueFull(limit: 1)) {
        try lookup.find(host: "127.0.0.1", port: 2, for: loop.handle) { _, result in found.note(result) }
      }
    }
    waitFor(1, found, loop)
    #expect(found.all.count == 1)
  }
}
