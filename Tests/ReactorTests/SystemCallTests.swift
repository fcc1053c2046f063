import Glibc
import Testing

@testable import Reactor

@Suite struct SystemCallTests {
  @Test func `an interrupted call is made again until it succeeds`() throws {
    var results: [CInt] = [-EINTR, -EINTR, 5]
    #expect(try SystemCall.value("test") { results.removeFirst() } == 5)
    #expect(results.isEmpty)
  }

  @Test func `a refusal carries the call and the errno, and prints both`() {
    let error = #expect(throws: SystemCallError.self) { try SystemCall.value("test") { -EMFILE } }
    #expect(error == SystemCallError(call: "test", errno: EMFILE))
    #expect(error?.description == "test: Too many open files (errno 24)")
  }

  @Test func `an errno that only a bug can cause ends the process`() async {
    await #expect(processExitsWith: .failure) { _ = SystemCall.outcome("test") { -EBADF } }
  }

  @Test func `closing a descriptor without its owner ends the process`() async {
    await #expect(processExitsWith: .failure) {
      let descriptor = FileDescriptor(owning: open("/dev/null", O_RDONLY))
      close(descriptor.raw)
    }
  }
}

@Suite struct FileDescriptorTests {
  @Test func `a released descriptor stays open`() {
    let pair = SocketPair()
    let kept: CInt
    do {
      let owner = FileDescriptor(owning: dup(pair.left.raw))
      let other = FileDescriptor(owning: dup(pair.left.raw))
      kept = other.release()
      #expect(owner.withRaw { fcntl($0, F_GETFD) } >= 0)
    }
    let left = FileDescriptor(owning: kept)
    #expect(fcntl(left.raw, F_GETFD) >= 0)
  }

  @Test func `the peer finds the end when the last owner is gone`() {
    let pair = SocketPair()
    let right = onlyRight(of: pair)
    #expect(right.readText().0 == .endOfStream)
  }

  private func onlyRight(of pair: consuming SocketPair) -> StreamSocket {
    StreamSocket(owning: FileDescriptor(owning: dup(pair.right.raw)))
  }
}

@Suite struct MonotonicTimeTests {
  @Test func `arithmetic of time agrees with itself and saturates at both ends`() {
    let time = MonotonicTime(nanoseconds: 5_000_000_000)
    #expect((time + .milliseconds(1500)).nanoseconds == 6_500_000_000)
    #expect((time - .milliseconds(1500)).nanoseconds == 3_500_000_000)
    #expect((time + .milliseconds(-1)).nanoseconds == 4_999_000_000)
    #expect((time + .seconds(2)) - time == .seconds(2))
    #expect(time - (time + .nanoseconds(1)) == .nanoseconds(-1))
    #expect((time - .seconds(6)).nanoseconds == 0)
    #expect((MonotonicTime(nanoseconds: .max) + .nanoseconds(1)).nanoseconds == .max)
    #expect((time + .seconds(Int64.max)).nanoseconds == 5_000_000_000 + UInt64(Int64.max))
    #expect(MonotonicTime(nanoseconds: 0) < time)
  }

  @Test func `the clock does not go back`() {
    var last = MonotonicTime.now()
    for _ in 0..<1000 {
      let next = MonotonicTime.now()
      #expect(next >= last)
      last = next
    }
  }
}
