import CEpoll.Epoll
import Glibc
import Testing

@testable import Reactor

@Suite struct ListenerTests {
  @Test func `a listener accepts its share a turn and leaves the rest for the next turn`() throws {
    let loop = try EventLoop()
    let guests = Guests()
    var options = Listener.Options()
    options.maximumAcceptsPerTurn = 2
    let listener = try Listener(loop: loop, address: loopback, options: options, handler: guests)
    #expect(listener.localAddress.port != 0)
    let clients = try Clients(5, to: listener.localAddress)
    var counts: [Int] = []
    while guests.all.count < 5 {
      loop.turn(waitingAtMost: .seconds(10))
      counts.append(guests.all.count)
    }
    #expect(counts == [2, 4, 5])
    #expect(listener.acceptedConnections == 5)
    #expect(Set(guests.all.map(\.peer)) == Set(clients.addresses))
    listener.close()
    loop.end()
  }

  @Test func `a paused listener accepts no more, and a resumed one accepts the waiting connections`() throws {
    let loop = try EventLoop()
    let guests = Guests()
    let listener = try Listener(loop: loop, address: loopback, handler: guests)
    guests.onAccept = { listener.pause() }
    let clients = try Clients(3, to: listener.localAddress)
    loop.turn(waitingAtMost: .seconds(10))
    loop.turn(waitingAtMost: .zero)
    #expect(guests.all.count == 1)
    guests.onAccept = {}
    listener.resume()
    #expect(loop.turn { guests.all.count == clients.addresses.count })
    listener.close()
    loop.end()
  }

  @Test func `a listener that its handler closes accepts no more, and its port is free`() throws {
    let loop = try EventLoop()
    let guests = Guests()
    let listener = try Listener(loop: loop, address: loopback, handler: guests)
    guests.onAccept = { listener.close() }
    let clients = try Clients(2, to: listener.localAddress)
    loop.turn(waitingAtMost: .seconds(10))
    #expect(guests.all.count == 1)
    #expect(loop.registrationCount == 0)
    listener.close()
    listener.resume()
    #expect(throws: SystemCallError(call: "connect", errno: ECONNREFUSED)) {
      let late = try StreamSocket.connect(to: listener.localAddress)
      if let error = late.finishConnecting() { throw error }
    }
    withExtendedLifetime(clients) {}
    loop.end()
  }

  @Test func `two listeners share one port and its connections`() throws {
    let loops = [try EventLoop(index: 0), try EventLoop(index: 1)]
    let guests = [Guests(), Guests()]
    let first = try Listener(loop: loops[0], address: loopback, handler: guests[0])
    var options = Listener.Options()
    options.joinsOthers = true
    let second = try Listener(loop: loops[1], address: first.localAddress, options: options, handler: guests[1])
    #expect(second.localAddress == first.localAddress)
    // The kernel chooses a listener by a hash of the ports. The chance that all 64 go to one listener is 2 in 2^64.
    let clients = try Clients(64, to: first.localAddress)
    #expect(
      loops[0].turn {
        loops[1].turn(waitingAtMost: .zero)
        return guests[0].all.count + guests[1].all.count == 64
      })
    #expect(!guests[0].all.isEmpty && !guests[1].all.isEmpty)
    withExtendedLifetime(clients) {}
    first.close()
    second.close()
    for loop in loops { loop.end() }
  }

  @Test func `a port that an unshared socket holds is refused`() throws {
    let loop = try EventLoop()
    let holder = FileDescriptor(owning: cepoll_tcp_socket(4))
    var address = loopback.address
    #expect(cepoll_bind(holder.raw, &address) == 0 && cepoll_local_address(holder.raw, &address) == 0)
    let taken = try #require(SocketAddress(address))
    #expect(throws: SystemCallError(call: "bind", errno: EADDRINUSE)) {
      try Listener(loop: loop, address: taken, handler: Guests())
    }
    #expect(loop.registrationCount == 0)
    loop.end()
  }

  @Test func `an address belongs to one listener and to those that join it`() throws {
    let loop = try EventLoop()
    let first = try Listener(loop: loop, address: loopback, handler: Guests())
    let inUse = { (call: String) in SystemCallError(call: call, errno: EADDRINUSE) }
    #expect(throws: inUse("bind")) { try Listener(loop: loop, address: first.localAddress, handler: Guests()) }
    var options = Listener.Options()
    options.joinsOthers = true
    let second = try Listener(loop: loop, address: first.localAddress, options: options, handler: Guests())
    #expect(throws: inUse("bind")) { try Listener(loop: loop, address: first.localAddress, handler: Guests()) }
    // Connections that were closed here a moment ago must not prevent it.
    let client = try Clients(1, to: first.localAddress)
    loop.turn(waitingAtMost: .seconds(10))
    let address = first.localAddress
    first.close()
    second.close()
    withExtendedLifetime(client) {}
    try Listener(loop: loop, address: address, handler: Guests()).close()
    loop.end()
  }

  @Test func `one of two sockets that are bound at the same moment gets to listen`() throws {
    func bound(_ address: SocketAddress) -> FileDescriptor {
      let socket = FileDescriptor(owning: cepoll_tcp_socket(4))
      setOption(socket.raw, Int(SOL_SOCKET), SO_REUSEADDR, 1)
      var address = address.address
      #expect(cepoll_bind(socket.raw, &address) == 0)
      return socket
    }
    let other = bound(loopback)
    var place = cepoll_address()
    #expect(cepoll_local_address(other.raw, &place) == 0)
    let loop = try EventLoop()
    let winner = try Listener(loop: loop, address: try #require(SocketAddress(place)), handler: Guests())
    #expect(cepoll_listen(other.raw, 1) == -EADDRINUSE)
    winner.close()
    loop.end()
  }

  @Test(arguments: [
    (EAGAIN, AcceptFailure.nothingWaiting), (ECONNABORTED, .lostConnection), (EPERM, .lostConnection),
    (ENETDOWN, .lostConnection), (EMFILE, .noDescriptors), (ENFILE, .noDescriptors), (ENOBUFS, .noMemory),
    (ENOMEM, .noMemory),
  ])
  func `an errno of accept4 has its failure`(errno: CInt, failure: AcceptFailure) {
    #expect(AcceptFailure(errno: errno) == failure)
  }
}

/// These tests change a limit of the whole process (RLIMIT_NOFILE), so they run one after the other.
@Suite(.serialized) struct DescriptorLimitTests {
  @Test func `the soft limit rises to the hard limit`() throws {
    let (_, hard) = ProcessLimits.limits()
    #expect(try ProcessLimits.raiseDescriptorLimit() == hard)
    #expect(ProcessLimits.descriptorLimit == hard)
  }

  /// Uses up the descriptors on a thread with a descriptor table of its own, so that no other test is affected.
  @Test func `a listener without descriptors sheds one connection, rests, and recovers`() throws {
    // Filling a table of 2^30 places would take minutes, so the limit is lowered and stays lowered. The other tests
    // need far fewer descriptors.
    let (soft, hard) = ProcessLimits.limits()
    try ProcessLimits.setDescriptorLimit(soft: min(soft, 65_536), hard: hard)
    let journal = Journal()
    let thread = try SystemThread(name: "exhausted") {
      do { try exhaust(journal) } catch { journal.note("\(error)") }
    }
    thread.join()
    if journal.entries == ["no table of its own"] {
      print("skipped: this kernel has no close_range(CLOSE_RANGE_UNSHARE)")
      return
    }
    #expect(
      journal.entries == [
        "exhausted: accepted 0, exhaustions 1, shed true, others waiting true",
        "resting: events 0", "spare is back: true",
        "recovered: accepted 2, exhaustions 1",
      ])
  }
}

private func exhaust(_ journal: Journal) throws {
  guard ownDescriptorTable() else { return journal.note("no table of its own") }
  let loop = try EventLoop()
  let guests = Guests()
  var options = Listener.Options()
  options.exhaustionPause = .seconds(1)  // far longer than the turns below take, however busy the machine is
  let listener = try Listener(loop: loop, address: loopback, options: options, handler: guests)
  let clients = try Clients(3, to: listener.localAddress)
  var filling: [FileDescriptorBox] = []
  while true {
    let fd = cepoll_open_null()
    if fd == -EMFILE { break }
    precondition(fd >= 0)
    filling.append(FileDescriptorBox(fd))
  }
  loop.turn(waitingAtMost: .seconds(10))
  let results = clients.all.map { $0.readText().0 }
  journal.note(
    "exhausted: accepted \(guests.all.count), exhaustions \(listener.exhaustions), "
      + "shed \(results[0] == .failed(SystemCallError(call: "recv", errno: ECONNRESET))), "
      + "others waiting \(results[1] == .wouldBlock && results[2] == .wouldBlock)")
  let before = loop.takeStatistics().events
  for _ in 0..<20 { loop.turn(waitingAtMost: .zero) }
  journal.note("resting: events \(loop.takeStatistics().events - before)")
  journal.note("spare is back: \(cepoll_open_null() == -EMFILE)")
  withExtendedLifetime((filling, clients)) {}
  filling = []
  _ = loop.turn { guests.all.count == 2 }
  journal.note("recovered: accepted \(guests.all.count), exhaustions \(listener.exhaustions)")
  listener.close()
  loop.end()
}

/// Gives the calling thread a descriptor table with only descriptors 0, 1 and 2.
private func ownDescriptorTable() -> Bool {
  typealias CloseRange = @convention(c) (CUnsignedInt, CUnsignedInt, CInt) -> CInt
  let unshare: CInt = 2  // CLOSE_RANGE_UNSHARE: descriptors in the range are not copied to the new table
  guard let symbol = dlsym(nil, "close_range") else { return false }
  // Safety: close_range(2) has this signature.
  return unsafeBitCast(symbol, to: CloseRange.self)(3, .max, unshare) == 0
}

private final class FileDescriptorBox {
  private let descriptor: FileDescriptor
  init(_ raw: CInt) { descriptor = FileDescriptor(owning: raw) }
}

/// Connections to one address that may not be accepted yet.
private struct Clients {
  var all: [StreamSocketBox] = []
  var addresses: [SocketAddress] { all.map { $0.socket.localAddress! } }

  init(_ count: Int, to address: SocketAddress) throws {
    for _ in 0..<count { all.append(StreamSocketBox(try StreamSocket.connect(to: address))) }
  }
}

private final class StreamSocketBox {
  let socket: StreamSocket
  init(_ socket: consuming StreamSocket) { self.socket = socket }
  func readText() -> (ReadResult, String) { socket.readText() }
}
