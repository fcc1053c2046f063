import CEpoll.Epoll
import Glibc
import Testing

@testable import Reactor

@Suite struct StreamSocketTests {
  @Test func `a read returns the waiting bytes, then would block, then finds the end`() {
    let pair = SocketPair()
    #expect(pair.left.readText().0 == .wouldBlock)
    #expect(pair.right.write("hello") == .written(5))
    #expect(pair.left.readText(limit: 4) == (.bytes(4), "hell"))
    #expect(pair.left.readText() == (.bytes(1), "o"))
    #expect(pair.left.readText().0 == .wouldBlock)
    pair.right.shutdownWrite()
    #expect(pair.left.readText().0 == .endOfStream)
    #expect(pair.left.write("still heard") == .written(11))
    #expect(pair.right.readText() == (.bytes(11), "still heard"))
  }

  @Test func `a full send buffer would block, and drains to every byte in order`() {
    let pair = SocketPair()
    let chunk = (0..<4093).map { UInt8(truncatingIfNeeded: $0 % 251) }
    var written = 0
    filling: while true {
      let rest = Array(chunk[(written % chunk.count)...])
      switch pair.left.write(rest.span) {
      case .written(let count): written += count
      case .wouldBlock: break filling
      case .failed(let error):
        Issue.record(error)
        return
      }
    }
    pair.left.shutdownWrite()
    var read = 0
    var buffer = [UInt8](repeating: 0, count: 65_536)
    draining: while true {
      switch buffer.withUnsafeMutableBytes({ pair.right.read(into: $0) }) {
      case .bytes(let count):
        for index in 0..<count where buffer[index] != chunk[(read + index) % chunk.count] {
          Issue.record("byte \(read + index) is wrong")
          return
        }
        read += count
      case .endOfStream: break draining
      case .wouldBlock, .failed:
        Issue.record("after \(read) bytes")
        return
      }
    }
    #expect(read == written)
  }

  @Test func `a write to a peer that is gone fails with EPIPE and raises no signal`() {
    let pair = SocketPair()
    let left = close(rightOf: pair)
    #expect(left.write("x") == .failed(SystemCallError(call: "send", errno: EPIPE)))
  }

  private func close(rightOf pair: consuming SocketPair) -> StreamSocket {
    StreamSocket(owning: FileDescriptor(owning: dup(pair.left.raw)))
  }

  @Test func `a socket connects from a chosen source, and both ends agree on the addresses`() throws {
    let loop = try EventLoop()
    let guests = Guests()
    let listener = try Listener(loop: loop, address: loopback, handler: guests)
    let source = try #require(SocketAddress("127.0.7.1:0"))
    let client = try StreamSocket.connect(to: listener.localAddress, from: source)
    let probe = Probe()
    var heard: Readiness = []
    probe.onReady = { heard.formUnion($0) }
    let token = try loop.register(client.raw, .write, probe)
    #expect(loop.turn { heard.contains(.write) && guests.all.count == 1 })
    #expect(client.finishConnecting() == nil)
    let guest = try #require(guests.all.first)
    #expect(client.localAddress?.ipString == "127.0.7.1")
    #expect(client.localAddress == guest.peer)
    #expect(client.peerAddress == listener.localAddress)
    #expect(guest.socket.localAddress == listener.localAddress)
    #expect(guest.socket.peerAddress == guest.peer)
    for raw in [client.raw, guest.socket.raw] { #expect(option(raw, CInt(IPPROTO_TCP), TCP_NODELAY) == 1) }
    #expect(fcntl(guest.socket.raw, F_GETFL) & O_NONBLOCK != 0)
    #expect(fcntl(guest.socket.raw, F_GETFD) & FD_CLOEXEC != 0)
    loop.deregister(token)
    listener.close()
    loop.end()
  }

  @Test func `a refused connection is reported, at once or when the attempt is over`() throws {
    let loop = try EventLoop()
    // The socket is bound but does not listen: no other socket can have the port, and no listener answers on it.
    let holder = FileDescriptor(owning: cepoll_tcp_socket(4))
    var address = loopback.address
    #expect(cepoll_bind(holder.raw, &address) == 0 && cepoll_local_address(holder.raw, &address) == 0)
    let target = try #require(SocketAddress(address))
    do throws(SystemCallError) {
      let client = try StreamSocket.connect(to: target)
      let probe = Probe()
      var heard: Readiness = []
      probe.onReady = { heard.formUnion($0) }
      let token = try loop.register(client.raw, .write, probe)
      #expect(loop.turn { heard.isSuperset(of: [.write, .error]) })
      #expect(client.finishConnecting() == SystemCallError(call: "connect", errno: ECONNREFUSED))
      loop.deregister(token)
    } catch {
      #expect(error == SystemCallError(call: "connect", errno: ECONNREFUSED))
    }
    loop.end()
  }

  @Test func `a reset by the peer is an error event and a failed read`() throws {
    let loop = try EventLoop()
    let guests = Guests()
    let listener = try Listener(loop: loop, address: loopback, handler: guests)
    let client = try StreamSocket.connect(to: listener.localAddress)
    #expect(loop.turn { guests.all.count == 1 })
    let guest = try #require(guests.all.first)
    let probe = Probe()
    var heard: Readiness = []
    probe.onReady = { heard.formUnion($0) }
    let token = try loop.register(guest.socket.raw, .read, probe)
    client.reset()
    #expect(loop.turn { heard.contains(.error) })
    #expect(heard.contains(.peerClosed))
    #expect(guest.socket.readText().0 == .failed(SystemCallError(call: "recv", errno: ECONNRESET)))
    guest.socket.shutdownWrite()
    loop.deregister(token)
    listener.close()
    loop.end()
  }

  private func option(_ fd: CInt, _ level: CInt, _ name: CInt) -> CInt {
    var value: CInt = -1
    var length = socklen_t(MemoryLayout<CInt>.size)
    getsockopt(fd, level, name, &value, &length)
    return value
  }
}
