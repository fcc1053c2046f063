// Accepts connections, some a turn. The kernel's backlog is first in, first out whoever a connection comes from, so what is
// left in it delays everybody behind: it is emptied quickly, and who is served first is decided by the owner.
//
// One server has its address alone. Its first listener binds without SO_REUSEPORT, which fails while anybody listens there, and
// of two that start at the same moment the second listen(2) fails. From then on the listeners of its other loops may join.
//
// When the descriptors run out, a level-triggered listener would report its backlog for ever and burn the core. So it
// keeps one spare descriptor: give it up, accept the oldest waiting connection with it, close that (its client learns
// at once that it is not welcome), take the spare back, and pause listening for a while (libuv's trick).

internal import CEpoll.Epoll
internal import Glibc

/// Takes over what a `Listener` accepts. Held strongly by it until `close`.
public protocol AcceptHandler: AnyObject {
  /// A new connection, nonblocking and with TCP_NODELAY. May pause or close the listener: it then accepts no more.
  func accepted(_ socket: consuming StreamSocket, from peer: SocketAddress)
}

/// One listening TCP socket on one loop. Several on the same address share its connections evenly (SO_REUSEPORT),
/// within about 1.5 % at thousands of connections.
public final class Listener: EventHandler, DeadlineHandler {
  public struct Options: Sendable {
    /// Connections the kernel holds ready; it takes at most /proc/sys/net/core/somaxconn.
    public var backlog = 4096
    public var maximumAcceptsPerTurn = 4
    /// Whether to join the listeners that are at the address already; else nobody may be there.
    public var joinsOthers = false
    /// What a connection's socket takes beyond what is on its way (tcp(7), TCP_NOTSENT_LOWAT). Without a limit the kernel
    /// keeps megabytes for a client that is slow, and shows what it has taken in steps of as much.
    public var unsentBytes = 64 * 1024
    /// How long not to listen after descriptors or memory ran out.
    public var exhaustionPause: Duration = .milliseconds(100)

    public init() {}
  }

  /// Where it listens; with the port the kernel chose if 0 was asked for.
  public let localAddress: SocketAddress
  public private(set) var acceptedConnections: UInt64 = 0
  /// How often descriptors or memory ran out.
  public private(set) var exhaustions: UInt64 = 0

  private let loop: EventLoop
  private var options: Options
  private var handler: (any AcceptHandler)?
  /// nil: closed.
  private var descriptor: FileDescriptor?
  private var token: Token?
  /// nil: given up, and not yet to be had back.
  private var spare: FileDescriptor?
  private var isPausedByOwner = false
  /// Armed while recovering from exhaustion.
  private var recovery: TimerID?

  /// - Throws: EADDRINUSE: somebody listens there, and unless `joinsOthers` that is enough, whoever it is;
  ///   EADDRNOTAVAIL, EACCES, EMFILE.
  public init(
    loop: EventLoop, address: SocketAddress, options: Options = Options(), handler: any AcceptHandler
  ) throws(SystemCallError) {
    self.loop = loop
    self.options = options
    self.handler = handler
    let socket = FileDescriptor(
      owning: try SystemCall.value("socket") { cepoll_tcp_socket(address.version.rawValue) })
    setOption(socket.raw, Int(SOL_SOCKET), SO_REUSEADDR, 1)
    if options.joinsOthers { setOption(socket.raw, Int(SOL_SOCKET), SO_REUSEPORT, 1) }
    // Inherited by what is accepted (tcp(7)): one system call saved per connection.
    setOption(socket.raw, IPPROTO_TCP, TCP_NODELAY, 1)
    setOption(socket.raw, IPPROTO_TCP, TCP_NOTSENT_LOWAT, CInt(clamping: options.unsentBytes))
    var wanted = address.address
    try SystemCall.value("bind") { cepoll_bind(socket.raw, &wanted) }
    try SystemCall.value("listen") { cepoll_listen(socket.raw, CInt(clamping: options.backlog)) }
    if !options.joinsOthers { setOption(socket.raw, Int(SOL_SOCKET), SO_REUSEPORT, 1) }
    var bound = cepoll_address()
    SystemCall.certain("getsockname") { cepoll_local_address(socket.raw, &bound) }
    localAddress = SocketAddress(bound)!
    spare = FileDescriptor(owning: try SystemCall.value("open(/dev/null)") { cepoll_open_null() })
    let raw = socket.raw
    descriptor = consume socket
    token = try loop.register(raw, .read, self)
  }

  /// Leaves new connections in the backlog, e.g. at the cap on connections. The kernel still completes their TCP
  /// handshakes, and other listeners on the address don't get them.
  public func pause() {
    if isPausedByOwner { return }
    isPausedByOwner = true
    updateInterest()
  }

  public func resume() {
    if !isPausedByOwner { return }
    isPausedByOwner = false
    updateInterest()
  }

  /// From the next turn on. - Parameter count: 1 and up.
  public func accept(atMost count: Int) { options.maximumAcceptsPerTurn = count }

  /// Frees the port and lets the handler go. What waits in the backlog is reset by the kernel.
  public func close() {
    guard let token else { return }
    self.token = nil
    loop.deregister(token)
    if let recovery { loop.cancel(recovery) }
    recovery = nil
    descriptor = nil
    spare = nil
    handler = nil
  }

  public func ready(_ readiness: Readiness) {
    for _ in 0..<options.maximumAcceptsPerTurn {
      if isPausedByOwner || recovery != nil { return }
      guard let handler, let fd = descriptor?.raw else { return }
      var peer = cepoll_address()
      let result = SystemCall.outcome("accept4") { cepoll_accept(fd, &peer) }
      if result >= 0 {
        let socket = StreamSocket(owning: FileDescriptor(owning: result))
        acceptedConnections += 1
        handler.accepted(socket, from: SocketAddress(peer)!)
        continue
      }
      switch AcceptFailure(errno: -result) {
      case .nothingWaiting: return
      case .lostConnection: continue
      case .noDescriptors:
        shedOne(fd)
        beginRecovery()
        return
      case .noMemory:
        beginRecovery()
        return
      }
    }
  }

  /// The end of a recovery.
  public func deadlineReached(_ id: TimerID) {
    recovery = nil
    openSpare()
    updateInterest()
  }

  private func shedOne(_ fd: CInt) {
    if spare == nil { return }
    spare = nil
    var peer = cepoll_address()
    let result = SystemCall.outcome("accept4") { cepoll_accept(fd, &peer) }
    // Another thread may have been quicker to take the place: then nobody is shed, and the spare is had back later.
    if result >= 0 { StreamSocket(owning: FileDescriptor(owning: result)).reset() }
    openSpare()
  }

  private func openSpare() {
    if spare != nil { return }
    let result = SystemCall.outcome("open(/dev/null)") { cepoll_open_null() }
    if result >= 0 { spare = FileDescriptor(owning: result) }
  }

  private func beginRecovery() {
    exhaustions += 1
    recovery = loop.schedule(self, at: loop.now + options.exhaustionPause)
    updateInterest()
  }

  private func updateInterest() {
    guard let token else { return }
    let isListening = !isPausedByOwner && recovery == nil
    do {
      try loop.update(token, isListening ? .read : [])
    } catch {
      preconditionFailure("\(error): changing a mask allocates nothing")
    }
  }
}

/// What a refused accept4(2) means for the listener.
enum AcceptFailure: Equatable {
  case nothingWaiting
  /// This one connection died in the backlog, or a firewall forbade it: the next may be well.
  case lostConnection
  /// The process's or the machine's descriptors are used up.
  case noDescriptors
  case noMemory

  /// Linux passes errors of the new connection's network on through accept(2): "treat them like EAGAIN by retrying".
  init(errno: CInt) {
    switch errno {
    case EAGAIN: self = .nothingWaiting
    case ECONNABORTED, EPROTO, EPERM, ENETDOWN, ENOPROTOOPT, EHOSTDOWN, ENONET, EHOSTUNREACH, EOPNOTSUPP, ENETUNREACH,
      ETIMEDOUT:
      self = .lostConnection
    case EMFILE, ENFILE: self = .noDescriptors
    case ENOBUFS, ENOMEM: self = .noMemory
    default: preconditionFailure("\(SystemCallError(call: "accept4", errno: errno)): a bug")
    }
  }
}
