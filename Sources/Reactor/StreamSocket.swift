// A nonblocking TCP connection. Results and errors of reads and writes are values.

internal import CEpoll.Epoll
internal import Glibc

/// The result of a read.
public enum ReadResult: Equatable, Sendable {
  /// The first n bytes of the buffer are filled, n > 0.
  case bytes(Int)
  /// No bytes are waiting.
  case wouldBlock
  /// The peer will send no more (FIN). It may still read.
  case endOfStream
  /// The connection is lost, for example by ECONNRESET.
  case failed(SystemCallError)
}

/// The result of a write.
public enum WriteResult: Equatable, Sendable {
  /// The kernel took the first n bytes, n > 0, possibly not all.
  case written(Int)
  /// The send buffer is full. Go on when `.write` is ready.
  case wouldBlock
  /// The connection is lost, for example by EPIPE or ECONNRESET.
  case failed(SystemCallError)
}

/// Owns one stream socket, connected or connecting, and closes it at the end of its life.
public struct StreamSocket: ~Copyable, Sendable {
  private let descriptor: FileDescriptor

  /// Takes over a socket, which must be nonblocking.
  public init(owning descriptor: consuming FileDescriptor) {
    self.descriptor = descriptor
  }

  /// The number to register on a loop. It must not be used after this value is gone.
  public var raw: CInt { descriptor.raw }

  /// Begins to connect, with TCP_NODELAY. When the attempt ends, the socket becomes ready for `.write`; then call
  /// `finishConnecting`.
  /// - Parameter source: the local address. With port 0 the kernel chooses the port when it connects, so a port is used
  ///   up only for each pair of source and destination (ip(7), IP_BIND_ADDRESS_NO_PORT).
  /// - Throws: errors that show at once, for example EMFILE, EADDRNOTAVAIL, ENETUNREACH, or ECONNREFUSED on loopback.
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
    // The call is never repeated: after EINTR the attempt goes on by itself, as after EINPROGRESS (connect(2)).
    if result < 0, result != -EINPROGRESS, result != -EINTR {
      throw SystemCallError(call: "connect", errno: -result)
    }
    return StreamSocket(owning: descriptor)
  }

  /// The result of a connection attempt that has ended.
  /// - Returns: nil if the socket is connected.
  public func finishConnecting() -> SystemCallError? {
    let error = SystemCall.certain("getsockopt(SO_ERROR)") { cepoll_pending_error(raw) }
    return error == 0 ? nil : SystemCallError(call: "connect", errno: error)
  }

  /// Reads up to `buffer.count` bytes, which must be more than 0.
  public func read(into buffer: UnsafeMutableRawBufferPointer) -> ReadResult {
    precondition(!buffer.isEmpty, "a read of 0 bytes looks like the end of the stream")
    let count = SystemCall.outcome("recv") { cepoll_receive(raw, buffer.baseAddress, buffer.count) }
    if count > 0 { return .bytes(count) }
    if count == 0 { return .endOfStream }
    if count == -Int(EAGAIN) { return .wouldBlock }
    return .failed(SystemCallError(call: "recv", errno: CInt(-count)))
  }

  /// Writes as many bytes as the send buffer has room for. `bytes` must not be empty. It never raises SIGPIPE.
  public func write(_ bytes: UnsafeRawBufferPointer) -> WriteResult {
    precondition(!bytes.isEmpty)
    let count = SystemCall.outcome("send") { cepoll_send(raw, bytes.baseAddress, bytes.count) }
    if count > 0 { return .written(count) }
    if count == -Int(EAGAIN) { return .wouldBlock }
    return .failed(SystemCallError(call: "send", errno: CInt(-count)))
  }

  /// As above.
  public func write(_ bytes: Span<UInt8>) -> WriteResult {
    bytes.withUnsafeBytes { write($0) }
  }

  /// Sends a TCP acknowledgement now (tcp(7), TCP_QUICKACK). Without it the kernel waits up to 40 ms for an answer that
  /// can carry the acknowledgement, and a peer without TCP_NODELAY sends its next small piece only then.
  public func acknowledge() {
    setOption(raw, IPPROTO_TCP, TCP_QUICKACK, 1)
  }

  /// Sends FIN after the written bytes. The peer reads the end of the stream, and may go on sending.
  public func shutdownWrite() {
    let result = SystemCall.outcome("shutdown") { cepoll_shutdown_write(raw) }
    precondition(result == 0 || result == -ENOTCONN)  // ENOTCONN: the peer has reset the connection
  }

  /// Closes the connection with RST. Unsent bytes are dropped, and no TIME_WAIT remains.
  public consuming func reset() {
    // The call has no effect if the peer has already reset the connection, or if the socket is not a TCP socket.
    _ = SystemCall.outcome("setsockopt(SO_LINGER)") { cepoll_reset_on_close(raw) }
  }

  /// Makes the later close send RST, as `reset` does. It is for an owner that keeps its socket until the owner itself
  /// ends.
  public func willReset() {
    _ = SystemCall.outcome("setsockopt(SO_LINGER)") { cepoll_reset_on_close(raw) }
  }

  /// The local address; nil if this is not an IP socket.
  public var localAddress: SocketAddress? {
    var address = cepoll_address()
    return cepoll_local_address(raw, &address) == 0 ? SocketAddress(address) : nil
  }

  /// The peer's address; nil if the socket is not connected or is not an IP socket.
  public var peerAddress: SocketAddress? {
    var address = cepoll_address()
    return cepoll_peer_address(raw, &address) == 0 ? SocketAddress(address) : nil
  }
}

/// Sets an integer option. The process ends if the kernel does not have the option for this kind of socket.
func setOption(_ fd: CInt, _ level: Int, _ name: CInt, _ value: CInt) {
  SystemCall.certain("setsockopt") { cepoll_set_option(fd, CInt(level), name, value) }
}
