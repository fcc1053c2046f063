import Glibc
import Testing

@testable import Reactor

@Suite struct EventLoopTests {
  @Test func `an event fetched for a closed descriptor never reaches the next owner of its number and slot`() throws {
    let loop = try EventLoop()
    let first = SocketPair()
    let second = SocketPair()
    let innocent = SocketPair()
    _ = first.right.write("x")
    _ = second.right.write("x")
    let successor = Probe()
    var reached: [Readiness] = []
    successor.onReady = { reached.append($0) }

    // Both are ready in one turn. The handler that is called first replaces the other socket by an idle socket with the
    // same number.
    var tokens: [Token] = []
    var successorToken: Token?
    let numbers = [first.left.raw, second.left.raw]
    let replacement = innocent.left.raw
    let peers = [Probe(), Probe()]
    for (me, other) in [(0, 1), (1, 0)] {
      peers[me].onReady = { _ in
        loop.deregister(tokens[other])
        precondition(dup2(replacement, numbers[other]) == numbers[other])
        do { successorToken = try loop.register(numbers[other], .read, successor) } catch { Issue.record(error) }
      }
      tokens.append(try loop.register(numbers[me], .read, peers[me]))
    }
    loop.turn(waitingAtMost: .zero)
    let token = try #require(successorToken)
    #expect(tokens.contains { $0.slot == token.slot && $0.generation != token.generation })
    #expect(reached.isEmpty)
    #expect(loop.takeStatistics().staleEvents == 1)

    for token in tokens { loop.deregister(token) }
    _ = innocent.right.write("x")
    loop.turn(waitingAtMost: .seconds(10))
    #expect(reached == [.read])
    loop.end()
  }

  @Test func `a deregistration in the middle of a turn silences a handler whose event is already fetched`() throws {
    let loop = try EventLoop()
    let first = SocketPair()
    let second = SocketPair()
    _ = first.right.write("x")
    _ = second.right.write("x")
    var tokens: [Token] = []
    var calls = 0
    let probe = Probe()
    probe.onReady = { _ in
      calls += 1
      for token in tokens { loop.deregister(token) }
    }
    tokens = [try loop.register(first.left.raw, .read, probe), try loop.register(second.left.raw, .read, probe)]
    loop.turn(waitingAtMost: .zero)
    loop.turn(waitingAtMost: .zero)
    #expect(calls == 1)
    for token in tokens { loop.deregister(token) }
    loop.end()
  }

  @Test func `a paused registration gets no event until its interest returns, and then the waiting ones`() throws {
    let loop = try EventLoop()
    let pair = SocketPair()
    let probe = Probe()
    var heard: [Readiness] = []
    probe.onReady = { heard.append($0) }
    let token = try loop.register(pair.left.raw, .read, probe)
    try loop.update(token, [])
    _ = pair.right.write("x")
    loop.turn(waitingAtMost: .zero)
    #expect(heard.isEmpty)
    try loop.update(token, [.read, .write])
    loop.turn(waitingAtMost: .zero)
    #expect(heard == [[.read, .write]])
    try loop.update(token, .write)
    loop.turn(waitingAtMost: .zero)
    #expect(heard == [[.read, .write], .write])
    loop.end()
  }

  @Test func `a pause in the middle of a turn silences an event that is already fetched`() throws {
    let loop = try EventLoop()
    let first = SocketPair()
    let second = SocketPair()
    _ = first.right.write("x")
    _ = second.right.write("x")
    var tokens: [Token] = []
    var calls = 0
    let probe = Probe()
    probe.onReady = { _ in
      calls += 1
      for token in tokens {
        do { try loop.update(token, []) } catch { Issue.record(error) }
      }
    }
    tokens = [try loop.register(first.left.raw, .read, probe), try loop.register(second.left.raw, .read, probe)]
    loop.turn(waitingAtMost: .zero)
    #expect(calls == 1)
    #expect(loop.takeStatistics().staleEvents == 1)
    loop.end()
  }

  @Test func `the end of the peer's stream arrives as peerClosed, with the bytes that are left to read`() throws {
    let loop = try EventLoop()
    let pair = SocketPair()
    let probe = Probe()
    var heard: [Readiness] = []
    probe.onReady = { heard.append($0) }
    _ = try loop.register(pair.left.raw, .read, probe)
    _ = pair.right.write("last words")
    pair.right.shutdownWrite()
    loop.turn(waitingAtMost: .zero)
    #expect(heard == [[.read, .peerClosed]])
    #expect(pair.left.readText() == (.bytes(10), "last words"))
    #expect(pair.left.readText().0 == .endOfStream)
    loop.end()
  }

  @Test func `registering a file that cannot be polled throws and leaves nothing behind`() throws {
    let loop = try EventLoop()
    let probe = Probe()
    let null = FileDescriptor(owning: open("/proc/self/status", O_RDONLY | O_CLOEXEC))
    #expect(throws: SystemCallError(call: "epoll_ctl(ADD)", errno: EPERM)) {
      try loop.register(null.raw, .read, probe)
    }
    #expect(loop.registrationCount == 0)
    loop.end()
  }

  @Test func `a turn continues, dispatches, reaches deadlines, runs jobs, then flushes`() throws {
    let loop = try EventLoop()
    let pair = SocketPair()
    let journal = Journal()
    func note(_ entry: String) { journal.note(entry) }
    let probe = Probe()
    probe.onReady = { _ in
      note("event")
      loop.atTurnEnd(probe)
    }
    probe.onDeadline = { _ in note("deadline") }
    probe.onTurnStart = { note("start") }
    probe.onTurnEnd = { note("end") }
    let token = try loop.register(pair.left.raw, .read, probe)
    _ = loop.schedule(probe, at: loop.now)
    loop.nextTurn(probe)
    loop.handle.submit { _ in journal.note("job") }
    _ = pair.right.write("x")
    loop.turn()
    #expect(journal.entries == ["start", "event", "deadline", "job", "end"])
    loop.deregister(token)
    loop.end()
  }

  @Test func `a request for the end of a turn is one call, and a request while flushing is for the next turn`()
    throws
  {
    let loop = try EventLoop()
    let probe = Probe()
    var flushes = 0
    probe.onTurnEnd = {
      flushes += 1
      if flushes <= 3 { loop.atTurnEnd(probe) }
    }
    loop.atTurnEnd(probe)
    loop.atTurnEnd(probe)
    loop.turn()
    #expect(flushes == 2)
    loop.turn()  // would wait without end if the flush had not requested another turn
    #expect(flushes == 4)
    loop.turn()
    #expect(flushes == 5)
    loop.turn(waitingAtMost: .zero)
    #expect(flushes == 5)
    loop.end()
  }

  @Test func `a handler that asks for the next turn gets it without a wait and does not starve events`() throws {
    let loop = try EventLoop()
    let pair = SocketPair()
    _ = pair.right.write("x")
    let probe = Probe()
    var starts = 0
    var events = 0
    probe.onTurnStart = {
      starts += 1
      loop.nextTurn(probe)
    }
    probe.onReady = { _ in events += 1 }
    _ = try loop.register(pair.left.raw, .read, probe)
    loop.nextTurn(probe)
    for turn in 1...3 {
      loop.turn()
      #expect(starts == turn)
      #expect(events == turn)
    }
    loop.end()
  }

  @Test func `a deadline is reached once, never early, and wakes a loop with nothing else to do`() throws {
    let loop = try EventLoop()
    let probe = Probe()
    let deadline = MonotonicTime.now() + .milliseconds(5)
    var reached: [(TimerID, MonotonicTime)] = []
    probe.onDeadline = { reached.append(($0, loop.now)) }
    let id = loop.schedule(probe, at: deadline)
    loop.turn()
    #expect(reached.count == 1)
    #expect(reached.first?.0 == id)
    #expect(try #require(reached.first).1 >= deadline)
    #expect(!loop.reschedule(id, at: loop.now))
    loop.cancel(id)
    loop.turn(waitingAtMost: .zero)
    #expect(reached.count == 1)
    loop.end()
  }

  @Test func `a handler that arms itself in the past does not keep a turn from ending`() throws {
    let loop = try EventLoop()
    let probe = Probe()
    var reached = 0
    probe.onDeadline = { _ in
      reached += 1
      _ = loop.schedule(probe, at: loop.now - .seconds(1))
    }
    _ = loop.schedule(probe, at: loop.now)
    for turn in 1...3 {
      loop.turn()
      #expect(reached == turn)
    }
    loop.end()
  }

  @Test func `a handler is held until it is deregistered, and its deinit may use the loop`() throws {
    final class Careful: EventHandler {
      let loop: EventLoop
      let token: Token
      init(loop: EventLoop, token: Token) {
        self.loop = loop
        self.token = token
      }
      func ready(_ readiness: Readiness) {}
      deinit { loop.deregister(token) }
    }
    let loop = try EventLoop()
    let first = SocketPair()
    let second = SocketPair()
    let other = try loop.register(first.left.raw, .read, Probe())
    weak var weakly: Careful?
    var token: Token?
    do {
      let handler = Careful(loop: loop, token: other)
      weakly = handler
      token = try loop.register(second.left.raw, .read, handler)
    }
    #expect(weakly != nil)
    loop.deregister(try #require(token))
    #expect(weakly == nil)
    #expect(loop.registrationCount == 0)
    loop.end()
  }

  @Test func `the end of a loop releases every handler, even handlers that hold the loop`() throws {
    weak var weakly: EventLoop?
    weak var probe: Probe?
    do {
      let loop = try EventLoop()
      let pair = SocketPair()
      let strong = Probe()
      strong.onReady = { _ in loop.stop() }
      weakly = loop
      probe = strong
      _ = try loop.register(pair.left.raw, .read, strong)
      _ = loop.schedule(strong, at: loop.now + .seconds(3600))
      loop.nextTurn(strong)
      _ = pair.right.write("x")
      loop.run()
    }
    #expect(probe == nil)
    #expect(weakly == nil)
  }

  @Test func `statistics count turns and events, and the longest turn starts anew when taken`() throws {
    let loop = try EventLoop()
    let pair = SocketPair()
    _ = pair.right.write("x")
    _ = try loop.register(pair.left.raw, .read, Probe())
    loop.turn()
    loop.turn()
    let taken = loop.takeStatistics()
    #expect(taken.turns == 2)
    #expect(taken.events == 2)
    #expect(taken.longestTurn > .zero && taken.longestTurn <= taken.busy)
    #expect(loop.takeStatistics().longestTurn == .zero)
    loop.end()
  }
}
