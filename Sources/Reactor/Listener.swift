// Accepts connections, a limited number in each turn. The kernel's backlog is first in, first out, whatever client a
// connection comes from. A connection that stays in it delays all behind it. So the listener empties the backlog
// quickly, and its owner decides which client is served first.
//
// Only one server can have an address. Its first listener binds without SO_REUSEPORT, which fails if another process
// listens there. If two servers start at the same moment, listen(2) of the second one fails. After that the listeners
// of the server's other loops may join.
//
// When descriptors run out, a level-triggered listener would report its backlog in each turn and take all of a
// processor. So the listener keeps one spare descriptor (as libuv does). It closes the spare, accepts the oldest
// waiting connection in its place, resets that connection so that its client learns at once, opens the spare again, and
// stops listening for a while.

internal import CEpoll.Epoll
internal import Glibc

/// Takes over the connections that a `Listener` accepts. The listener holds it strongly until `close`.
public protocol AcceptHandler: AnyObject {
  /// Takes a new connection, which is nonblocking and has TCP_NODELAY. It may pause or close the listener, which then
  /// accepts no more.
  func accepted(_ socket: consuming StreamSocket, from peer: SocketAddress)
}

/// One listening TCP socket on one loop. Several listeners on one address share its connections evenly (SO_REUSEPORT),
/// within about 1.5 % at thousands of connections.
public final class Listener: EventHandler, DeadlineHandler {
  /// The settings of a listener.
  public struct Options: Sendable {
    /// Connections that the kernel keeps waiting; at most /proc/sys/net/core/somaxconn.
    public var backlog = 4096
    /// The most connections accepted in one turn.
    public var maximumAcceptsPerTurn = 4
    /// Whether to join listeners that already have the address. Otherwise no other listener may have it.
    public var joinsOthers = false
    /// The most bytes that a connection's socket takes beyond those in flight (tcp(7), TCP_NOTSENT_LOWAT). Without a
    /// limit the kernel holds megabytes for a slow client, and reports progress only in steps of that size.
    public var unsentBytes = 64 * 1024
    /// How long the listener pauses after descriptors or memory ran out.
    public var exhaustionPause: Duration = .milliseconds(100)

    /// The default settings.
    public init() {}
  }

  /// The address of the listener. If port 0 was requested, it has the port that the kernel chose.
  public let localAddress: SocketAddress
  /// The number of accepted connections.
  public private(set) var acceptedConnections: UInt64 = 0
  /// How often descriptors or memory ran out.
  public private(set) var exhaustions: UInt64 = 0

  private let loop: EventLoop
  private var options: Options
  private var handler: (any AcceptHandler)?
  /// The listening socket; nil after `close`.
  private var descriptor: FileDescriptor?
  private var token: Token?
  /// The spare descriptor; nil while it is given up.
  private var spare: FileDescriptor?
  private var isPausedByOwner = false
  /// The timer of a pause after exhaustion; nil at other times.
  private var recovery: TimerID?

  /// Binds, listens and registers on `loop`.
  /// - Throws: EADDRINUSE if another listener has the address (unless `joinsOthers`); EADDRNOTAVAIL, EACCES, EMFILE.
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
    // Accepted sockets inherit the option (tcp(7)), which saves one system call for each connection.
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

  /// Leaves new connections in the backlog, for example at the limit on connections. The kernel still completes their
  /// TCP handshakes. Other listeners on the address don't get them.
  public func pause() {
    if isPausedByOwner { return }
    isPausedByOwner = true
    updateInterest()
  }

  /// Accepts connections again.
  public func resume() {
    if !isPausedByOwner { return }
    isPausedByOwner = false
    updateInterest()
  }

  /// Sets the number of connections accepted per turn, from the next turn on.
  /// - Parameter count: at least 1.
  public func accept(atMost count: Int) { options.maximumAcceptsPerTurn = count }

  /// Frees the port and releases the handler. The kernel resets the connections in the backlog.
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

  /// Accepts connections; the loop calls it.
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

  /// Ends a pause after exhaustion; the loop calls it.
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
    // Another thread may have taken the free descriptor first. Then no connection is reset, and the spare is opened
    // again later.
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
      preconditionFailure("\(error): a change of interest failed, although it allocates nothing")
    }
  }
}

/// The meaning of a failed accept4(2) for the listener.
enum AcceptFailure: Equatable {
  case nothingWaiting
  /// This connection was lost in the backlog, or a firewall forbids it. The next one may succeed.
  case lostConnection
  /// The process or the machine has no descriptors left.
  case noDescriptors
  case noMemory

  /// Linux reports network errors of the new connection by accept(2): "treat them like EAGAIN by retrying".
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
