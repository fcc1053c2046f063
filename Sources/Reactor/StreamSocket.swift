// A nonblocking TCP connection: bytes in, bytes out, and what may go wrong with either, as values.

internal import CEpoll.Epoll
internal import Glibc

public enum ReadResult: Equatable, Sendable {
  /// The first n bytes of the buffer were filled, n > 0.
  case bytes(Int)
  case wouldBlock
  /// The peer will send no more (FIN). It may still be reading.
  case endOfStream
  /// The connection is lost, e.g. ECONNRESET.
  case failed(SystemCallError)
}

public enum WriteResult: Equatable, Sendable {
  /// The first n bytes were taken, n > 0; perhaps not all.
  case written(Int)
  /// The send buffer is full: go on when `.write` is ready.
  case wouldBlock
  /// The connection is lost, e.g. EPIPE or ECONNRESET.
  case failed(SystemCallError)
}

/// Owns one connected, or connecting, stream socket; closes it when it goes out of scope.
public struct StreamSocket: ~Copyable, Sendable {
  private let descriptor: FileDescriptor

  /// Takes over a socket that is nonblocking already.
  public init(owning descriptor: consuming FileDescriptor) {
    self.descriptor = descriptor
  }

  /// The number to register on a loop. Borrowed: it is meaningless once this value is gone.
  public var raw: CInt { descriptor.raw }

  /// Begins to connect, with TCP_NODELAY. The outcome shows as `.write` readiness; ask `finishConnecting` then.
  /// - Parameter source: local address to come from; with port 0 the port is chosen at connect, so that ports are not
  ///   used up per source but per (source, destination) pair (ip(7), IP_BIND_ADDRESS_NO_PORT).
  /// - Throws: what shows at once, e.g. EMFILE, EADDRNOTAVAIL, ENETUNREACH, or ECONNREFUSED on loopback.
  public static func connect(
    to target: SocketAddress, from source: SocketAddress? = nil
  ) throws(SystemCallError) -> StreamSocket {
    let descriptor = FileDescriptor(
      owning: try SystemCall.value("socket") { cepoll_tcp_socket(target.version.rawValue) })
    setOption(descriptor.raw, IPPROTO_TCP, TCP_NODELAY, 1)
    if let source {
      setOption(descriptor.raw, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
      var address = source.address
      try SystemCall.value("bind") { cepoll_bind(descriptor.raw, &address) }
    }
    var address = target.address
    let result = cepoll_connect(descriptor.raw, &address)
    // Never repeated: after EINTR the attempt goes on by itself, just as after EINPROGRESS (connect(2)).
    if result < 0, result != -EINPROGRESS, result != -EINTR {
      throw SystemCallError(call: "connect", errno: -result)
    }
    return StreamSocket(owning: descriptor)
  }

  /// What became of a connection attempt that is over. - Returns: nil if the socket is connected.
  public func finishConnecting() -> SystemCallError? {
    let error = SystemCall.certain("getsockopt(SO_ERROR)") { cepoll_pending_error(raw) }
    return error == 0 ? nil : SystemCallError(call: "connect", errno: error)
  }

  /// Reads what there is, up to `buffer.count` bytes (more than 0).
  public func read(into buffer: UnsafeMutableRawBufferPointer) -> ReadResult {
    precondition(!buffer.isEmpty, "a read of 0 bytes looks like the end of the stream")
    let count = SystemCall.outcome("recv") { cepoll_receive(raw, buffer.baseAddress, buffer.count) }
    if count > 0 { return .bytes(count) }
    if count == 0 { return .endOfStream }
    if count == -Int(EAGAIN) { return .wouldBlock }
    return .failed(SystemCallError(call: "recv", errno: CInt(-count)))
  }

  /// Writes what the send buffer has room for. `bytes` is not empty. Never raises SIGPIPE.
  public func write(_ bytes: UnsafeRawBufferPointer) -> WriteResult {
    precondition(!bytes.isEmpty)
    let count = SystemCall.outcome("send") { cepoll_send(raw, bytes.baseAddress, bytes.count) }
    if count > 0 { return .written(count) }
    if count == -Int(EAGAIN) { return .wouldBlock }
    return .failed(SystemCallError(call: "send", errno: CInt(-count)))
  }

  public func write(_ bytes: Span<UInt8>) -> WriteResult {
    bytes.withUnsafeBytes { write($0) }
  }

  /// Tells the peer now that its bytes have come (tcp(7), TCP_QUICKACK). The kernel would wait up to 40 ms for an answer of
  /// ours to say it with, and a peer that has not set TCP_NODELAY sends its next small piece only then.
  public func acknowledge() {
    setOption(raw, IPPROTO_TCP, TCP_QUICKACK, 1)
  }

  /// Sends FIN after what is written: the peer reads the end of the stream, and may go on sending.
  public func shutdownWrite() {
    let result = SystemCall.outcome("shutdown") { cepoll_shutdown_write(raw) }
    precondition(result == 0 || result == -ENOTCONN)  // ENOTCONN: the peer has reset the connection meanwhile
  }

  /// Closes with RST: what is unsent is dropped, and no TIME_WAIT stays behind.
  public consuming func reset() {
    // On a socket the peer has reset already, or that is none of TCP's, this changes nothing.
    _ = SystemCall.outcome("setsockopt(SO_LINGER)") { cepoll_reset_on_close(raw) }
  }

  /// Lets the close that is to come be an RST, as `reset`: for an owner that keeps its socket to its own end.
  public func willReset() {
    _ = SystemCall.outcome("setsockopt(SO_LINGER)") { cepoll_reset_on_close(raw) }
  }

  /// Our end, or nil if it is not an IP socket.
  public var localAddress: SocketAddress? {
    var address = cepoll_address()
    return cepoll_local_address(raw, &address) == 0 ? SocketAddress(address) : nil
  }

  /// The other end, or nil if the socket is not connected or not an IP socket.
  public var peerAddress: SocketAddress? {
    var address = cepoll_address()
    return cepoll_peer_address(raw, &address) == 0 ? SocketAddress(address) : nil
  }
}

/// Sets an integer option that this kernel has for this kind of socket.
func setOption(_ fd: CInt, _ level: Int, _ name: CInt, _ value: CInt) {
  SystemCall.certain("setsockopt") { cepoll_set_option(fd, CInt(level), name, value) }
}
