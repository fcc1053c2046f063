// One TLS connection (RFC 8446, RFC 5246) as a transform: ciphertext in, plaintext and ciphertext out. It has no socket
// and no clock. An idle session takes about 15 kB for OpenSSL's objects (18 kB with a client certificate) and 40 bytes
// of its own.

import CEpoll.TLS

/// One session. It owns OpenSSL's objects and frees them.
public struct TLSSession: ~Copyable {
  /// The state of the session.
  public enum Status: Equatable, Sendable {
    case handshaking  // → established, closedByPeer
    case established  // → closedByPeer
    /// A close_notify has come in. Sending is still allowed.
    case closedByPeer
  }

  /// The most key updates and renegotiation attempts of the peer in the life of a session. A collector needs none.
  public static let maximumRekeyAttempts: Int32 = 100
  /// The largest plaintext of a record in bytes (RFC 8446 section 5.1).
  private static let maximumRecordBytes = 16 << 10
  /// The most bytes that a record adds to its plaintext: head 5, explicit nonce 8, tag 16 (TLS 1.2 with AES-GCM).
  private static let recordOverheadBytes = 29

  /// Held because OpenSSL calls back with pointers to objects that the context owns.
  private let context: TLSContext
  private let ssl: OpaquePointer
  private let lent: UnsafeMutablePointer<LentBIO>
  /// Whether the handshake is done. It stays true. (OpenSSL's own flag turns false during each key update.)
  public private(set) var isEstablished = false
  /// The error that ended the session for good.
  private var failure: TLSError?

  /// Makes a session that waits for a ClientHello.
  /// - Parameter now: the time, in unix seconds, at which a client certificate is verified.
  public init(server context: TLSContext, now: Int64) {
    precondition(context.role == .server)
    self.context = context
    (ssl, lent) = Self.make(context, now: now)
    SSL_set_accept_state(ssl)
  }

  /// Makes a session that sends a ClientHello at `start`.
  /// - Parameters:
  ///   - serverName: the DNS name (sent as SNI) or IP address that the server's certificate must prove. With nil only
  ///     the chain is verified.
  ///   - identity: presented instead of the context's.
  ///   - now: the time, in unix seconds, at which the server's certificate is verified.
  /// - Throws: `.unusableServerName`, `.unusableSettings`.
  public init(
    client context: TLSContext, serverName: String?, identity: TLSIdentity? = nil, now: Int64
  ) throws(TLSError) {
    precondition(context.role == .client)
    self.context = context
    let (ssl, lent) = Self.make(context, now: now)
    SSL_set_connect_state(ssl)
    do {
      try identity?.install(intoSession: ssl)
      if let serverName { try Self.expect(serverName, ssl) }
    } catch {
      SSL_free(ssl)
      lent.deallocate()
      throw error
    }
    (self.ssl, self.lent) = (ssl, lent)
  }

  deinit {
    SSL_free(ssl)  // frees the BIO, too
    lent.deallocate()
  }

  /// Client role: appends the ClientHello to `ciphertextOut`.
  /// - Throws: as `receive`.
  public mutating func start(ciphertextOut: inout ByteBuffer) throws(TLSError) {
    var plaintext = ByteBuffer()
    _ = try receive(Span(), plaintext: &plaintext, ciphertextOut: &ciphertextOut)
  }

  /// Takes all bytes that the peer sent, in pieces of any size.
  /// - Parameters:
  ///   - plaintext: the decrypted bytes are appended.
  ///   - ciphertextOut: bytes for the peer are appended: handshake, key updates, alerts.
  /// - Throws: `.alert`, `.untrustedPeer`, `.noApplicationProtocol`, `.protocolViolation`, `.tooManyRekeyAttempts`;
  ///   each later call throws the same error. `ciphertextOut` then ends with the alert for the peer, which the caller
  ///   sends before it closes the connection.
  public mutating func receive(
    _ ciphertext: Span<UInt8>, plaintext: inout ByteBuffer, ciphertextOut: inout ByteBuffer
  ) throws(TLSError) -> Status {
    if let failure { throw failure }
    if hasReceivedClose { return .closedByPeer }
    do {
      try LentBIO.lend(ciphertext, &ciphertextOut, to: lent) { () throws(TLSError) in
        // This input may complete a record that began earlier, so more bytes may come out than came in. SSL_pending
        // tells how many.
        var wanted = min(max(ciphertext.count, 64), Self.maximumRecordBytes)
        while try read(into: &plaintext, wanted) { wanted = max(Int(SSL_pending(ssl)), wanted) }
      }
    } catch {
      failure = error
      throw error
    }
    isEstablished = isEstablished || SSL_is_init_finished(ssl) == 1
    if hasReceivedClose { return .closedByPeer }
    return isEstablished ? .established : .handshaking
  }

  /// Encrypts all of `plaintext` into `ciphertextOut`. A head and its body in one call give one record.
  /// - Throws: `.notEstablished`, `.closed`, or the error that ended the session.
  public mutating func send(_ plaintext: Span<UInt8>, ciphertextOut: inout ByteBuffer) throws(TLSError) {
    if let failure { throw failure }
    guard isEstablished else { throw .notEstablished }
    guard SSL_get_shutdown(ssl) & SSL_SENT_SHUTDOWN == 0 else { throw .closed }
    guard plaintext.count > 0 else { return }
    let records = (plaintext.count + Self.maximumRecordBytes - 1) / Self.maximumRecordBytes
    ciphertextOut.reserve(plaintext.count + records * Self.recordOverheadBytes)
    do {
      try LentBIO.lend(Span(), &ciphertextOut, to: lent) { () throws(TLSError) in
        var position = 0
        while position < plaintext.count {
          OpenSSLErrorQueue.clear()
          var written = 0
          let result = plaintext.extracting(position...).withUnsafeBytes {
            SSL_write_ex(ssl, $0.baseAddress, $0.count, &written)
          }
          guard result == 1 else { throw reasonOfFailure() }
          position += written
        }
      }
    } catch {
      failure = error
      throw error
    }
  }

  /// Appends a close_notify, once, if the session is open. Bytes that the peer still sends can be received.
  public mutating func close(ciphertextOut: inout ByteBuffer) {
    guard failure == nil, isEstablished, SSL_get_shutdown(ssl) & SSL_SENT_SHUTDOWN == 0 else { return }
    LentBIO.lend(Span(), &ciphertextOut, to: lent) {
      OpenSSLErrorQueue.clear()
      _ = SSL_shutdown(ssl)
    }
  }

  /// Requests new keys for this side's direction, or for both (RFC 8446 section 4.6.3). They change with the next
  /// `send`. TLS 1.3 only.
  mutating func updateKeys(peerToo: Bool) {
    SSL_key_update(ssl, peerToo ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED)
  }

  /// The peer's certificate; nil if it presented none. The result is a further reference to the session's own object.
  public var peerCertificate: Certificate? { SSL_get0_peer_certificate(ssl).map { Certificate(sharing: $0) } }

  /// The content of the peer's certificate and the verdict on it. Each call computes it again, so read it once, when
  /// the session is established.
  public var peer: PeerCertificate? {
    peerCertificate.map { certificate in
      PeerCertificate(
        certificate, verdict: CertificateVerdict(code: SSL_get_verify_result(ssl)),
        authorities: context.clientAuthorityKeyIDs)
    }
  }

  /// `TLSv1.3` or `TLSv1.2`.
  public var protocolVersion: String { String(cString: SSL_get_version(ssl)) }

  /// OpenSSL's name of the cipher suite; empty before the two sides have agreed on one.
  public var cipher: String {
    guard let cipher = SSL_get_current_cipher(ssl), let name = SSL_CIPHER_get_name(cipher) else { return "" }
    return String(cString: name)
  }

  /// The application protocol that ALPN selected; nil if there is none.
  public var applicationProtocol: String? {
    var name: UnsafePointer<UInt8>?
    var count: UInt32 = 0
    SSL_get0_alpn_selected(ssl, &name, &count)
    return count == 0 ? nil : String(decoding: UnsafeBufferPointer(start: name, count: Int(count)), as: UTF8.self)
  }

  private var hasReceivedClose: Bool { SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN != 0 }

  /// Calls SSL_read once, with room for at least `wanted` bytes.
  /// - Returns: whether there may be more to read.
  private func read(into plaintext: inout ByteBuffer, _ wanted: Int) throws(TLSError) -> Bool {
    OpenSSLErrorQueue.clear()
    var hasRead = false
    plaintext.appendUninitialized(minimumCapacity: wanted) { room in
      var count = 0
      hasRead = SSL_read_ex(ssl, room.baseAddress, room.count, &count) == 1
      return hasRead ? count : 0
    }
    if hasRead { return lent.pointee.inputCount > 0 || SSL_has_pending(ssl) == 1 }
    switch SSL_get_error(ssl, 0) {
    case SSL_ERROR_WANT_READ, SSL_ERROR_ZERO_RETURN: return false
    default: throw reasonOfFailure()
    }
  }

  /// The error of an OpenSSL call that has just failed. It empties the error queue.
  private func reasonOfFailure() -> TLSError {
    if lent.pointee.rekeyAttempts > Self.maximumRekeyAttempts {
      OpenSSLErrorQueue.clear()
      return .tooManyRekeyAttempts
    }
    let reason = OpenSSLErrorQueue.reason
    let verdict = CertificateVerdict(code: SSL_get_verify_result(ssl))
    let text = OpenSSLErrorQueue.takeReason()
    if let alert = UInt8(exactly: reason - SSL_AD_REASON_OFFSET) { return .alert(received: alert) }
    if reason == SSL_R_CERTIFICATE_VERIFY_FAILED, case .untrusted(let finding) = verdict {
      return .untrustedPeer(finding)
    }
    if reason == SSL_R_NO_APPLICATION_PROTOCOL { return .noApplicationProtocol }
    return .protocolViolation(reason: text)
  }

  private static func make(
    _ context: TLSContext, now: Int64
  ) -> (ssl: OpaquePointer, lent: UnsafeMutablePointer<LentBIO>) {
    let lent = UnsafeMutablePointer<LentBIO>.allocate(capacity: 1)
    lent.initialize(to: LentBIO(now: now))
    guard let ssl = SSL_new(context.pointer), let bio = LentBIO.makeBIO(over: lent), SSL_set_ex_data(ssl, 0, lent) == 1
    else { preconditionFailure("out of memory for a TLS session") }
    SSL_set_bio(ssl, bio, bio)
    return (ssl, lent)
  }

  /// Demands that the server's certificate proves `name`.
  private static func expect(_ name: String, _ ssl: OpaquePointer) throws(TLSError) {
    guard !name.isEmpty, !name.utf8.contains(0) else { throw .unusableServerName(name) }
    let parameters = SSL_get0_param(ssl)
    if X509_VERIFY_PARAM_set1_ip_asc(parameters, name) == 1 { return }
    OpenSSLErrorQueue.clear()
    X509_VERIFY_PARAM_set_hostflags(parameters, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS))
    guard X509_VERIFY_PARAM_set1_host(parameters, name, name.utf8.count) == 1, ctls_set_server_name(ssl, name) == 1
    else { throw .unusableServerName(name) }
  }
}
