// One TLS connection (RFC 8446, RFC 5246) as a pure transform: ciphertext in, plaintext and ciphertext out.
// No socket, no clock. Idle, it costs OpenSSL's objects (about 15 kB, 18 with a client certificate) and 40 bytes of ours.

import CEpoll.TLS

public struct TLSSession: ~Copyable {
  public enum Status: Equatable, Sendable {
    case handshaking  // → established, closedByPeer
    case established  // → closedByPeer
    /// A close_notify came in. Sending is still allowed.
    case closedByPeer
  }

  /// Key updates and renegotiation attempts of the peer in the life of a session. A collector needs none.
  public static let maximumRekeyAttempts: Int32 = 100
  /// The largest plaintext of a record (RFC 8446 section 5.1).
  private static let maximumRecordBytes = 16 << 10
  /// What a record adds to its plaintext, at most: head 5, explicit nonce 8, tag 16 (TLS 1.2 with AES-GCM).
  private static let recordOverheadBytes = 29

  /// Held, because OpenSSL calls back into what it owns.
  private let context: TLSContext
  private let ssl: OpaquePointer
  private let lent: UnsafeMutablePointer<LentBIO>
  /// Whether the handshake is done; stays so. (OpenSSL's own flag falls back during each key update.)
  public private(set) var isEstablished = false
  /// Set once the session is beyond use.
  private var failure: TLSError?

  /// A session that waits for a ClientHello. - Parameter now: unix seconds at which a client certificate is judged.
  public init(server context: TLSContext, now: Int64) {
    precondition(context.role == .server)
    self.context = context
    (ssl, lent) = Self.make(context, now: now)
    SSL_set_accept_state(ssl)
  }

  /// A session that sends a ClientHello at `start`.
  /// - Parameters:
  ///   - serverName: the DNS name (sent as SNI) or address the server's certificate must prove; nil checks its chain only.
  ///   - identity: presented instead of the context's.
  ///   - now: unix seconds at which the server's certificate is judged.
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
    SSL_free(ssl)  // and the BIO with it
    lent.deallocate()
  }

  /// Client role: appends the ClientHello to `ciphertextOut`.
  public mutating func start(ciphertextOut: inout ByteBuffer) throws(TLSError) {
    var plaintext = ByteBuffer()
    _ = try receive(Span(), plaintext: &plaintext, ciphertextOut: &ciphertextOut)
  }

  /// Takes in what the peer sent, all of it, cut wherever.
  /// - Parameters:
  ///   - plaintext: every decrypted byte is appended.
  ///   - ciphertextOut: what must go to the peer is appended: handshake, key updates, alerts.
  /// - Throws: `.alert`, `.untrustedPeer`, `.protocolViolation`, `.tooManyRekeyAttempts`; the same again at each later call.
  ///   `ciphertextOut` then holds the alert that tells the peer, to be sent before the connection is closed.
  public mutating func receive(
    _ ciphertext: Span<UInt8>, plaintext: inout ByteBuffer, ciphertextOut: inout ByteBuffer
  ) throws(TLSError) -> Status {
    if let failure { throw failure }
    if hasReceivedClose { return .closedByPeer }
    do {
      try LentBIO.lend(ciphertext, &ciphertextOut, to: lent) { () throws(TLSError) in
        // A partial record may be complete now, so that more comes out than went in: SSL_pending then knows the rest.
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

  /// Encrypts `plaintext`, all of it, to `ciphertextOut`. A head and its body in one call make one record.
  /// - Throws: `.notEstablished`, `.closed`, or what ended the session.
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

  /// Appends a close_notify, once, if there is a session to close. What the peer still sends can be received.
  public mutating func close(ciphertextOut: inout ByteBuffer) {
    guard failure == nil, isEstablished, SSL_get_shutdown(ssl) & SSL_SENT_SHUTDOWN == 0 else { return }
    LentBIO.lend(Span(), &ciphertextOut, to: lent) {
      OpenSSLErrorQueue.clear()
      _ = SSL_shutdown(ssl)
    }
  }

  /// Asks for new keys for our direction, or both (RFC 8446 section 4.6.3); they change with the next `send`. TLS 1.3 only.
  mutating func updateKeys(peerToo: Bool) {
    SSL_key_update(ssl, peerToo ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED)
  }

  /// What the peer presented; nil if nothing. The session has it already: this is one more reference.
  public var peerCertificate: Certificate? { SSL_get0_peer_certificate(ssl).map { Certificate(sharing: $0) } }

  /// What it says, and what we think of it. Built anew at each call: read it once, when the session is established.
  public var peer: PeerCertificate? {
    peerCertificate.map { certificate in
      PeerCertificate(
        certificate, verdict: CertificateVerdict(code: SSL_get_verify_result(ssl)),
        authorities: context.clientAuthorityKeyIDs)
    }
  }

  /// `TLSv1.3` or `TLSv1.2`.
  public var protocolVersion: String { String(cString: SSL_get_version(ssl)) }

  /// OpenSSL's name of the cipher suite; empty before one is agreed on.
  public var cipher: String {
    guard let cipher = SSL_get_current_cipher(ssl), let name = SSL_CIPHER_get_name(cipher) else { return "" }
    return String(cString: name)
  }

  /// What ALPN agreed on.
  public var applicationProtocol: String? {
    var name: UnsafePointer<UInt8>?
    var count: UInt32 = 0
    SSL_get0_alpn_selected(ssl, &name, &count)
    return count == 0 ? nil : String(decoding: UnsafeBufferPointer(start: name, count: Int(count)), as: UTF8.self)
  }

  private var hasReceivedClose: Bool { SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN != 0 }

  /// One SSL_read of at least `wanted` bytes of room. - Returns: whether there may be more to read.
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

  /// Reads OpenSSL's error queue, right after the call that failed.
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

  /// Makes the server's certificate answer for `name`.
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
