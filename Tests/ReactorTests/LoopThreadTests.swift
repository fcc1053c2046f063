import Glibc
import Testing

@testable import Reactor

@Suite struct LoopThreadTests {
  @Test func `set-up and jobs run on one thread with the given name, which ends when stopped`() throws {
    let journal = Journal()
    let thread = try LoopThread.start(name: "loop-7", index: 7) { loop in
      journal.note("set up \(loop.index) on \(pthread_self()) \(threadName())")
    }
    #expect(thread.handle.submit { loop in journal.note("set up \(loop.index) on \(pthread_self()) \(threadName())") })
    thread.stop()
    thread.join()
    thread.join()
    #expect(journal.entries.count == 2)
    #expect(journal.entries.first == journal.entries.last)
    #expect(journal.entries.first?.hasSuffix("loop-7") == true)
    #expect(!thread.handle.submit { _ in })
  }

  @Test func `an error of the set-up reaches the starter, and all registrations are released`() throws {
    struct Refused: Error, Equatable {}
    let journal = Journal()
    final class Noisy: EventHandler {
      let loop: EventLoop
      let pair = SocketPair()
      let journal: Journal
      init(loop: EventLoop, journal: Journal) {
        self.loop = loop
        self.journal = journal
      }
      func ready(_ readiness: Readiness) {}
      deinit { journal.note("gone") }
    }
    #expect(throws: Refused()) {
      try LoopThread.start(name: "refused", index: 0) { loop in
        let noisy = Noisy(loop: loop, journal: journal)
        _ = try loop.register(noisy.pair.left.raw, .read, noisy)
        throw Refused()
      }
    }
    #expect(journal.entries == ["gone"])
  }
}

private func threadName() -> String {
  let file = FileDescriptor(owning: open("/proc/thread-self/comm", O_RDONLY | O_CLOEXEC))
  var name = [UInt8](repeating: 0, count: 16)
  let count = read(file.raw, &name, name.count)
  return String(decoding: name[..<max(0, count - 1)], as: UTF8.self)
}
