// The settings that all sessions of a server, or of a client, share: identity, trust, versions, ciphers. The figures
// are for OpenSSL 3.0.22 on the development machine.

import CEpoll.TLS

/// The TLS versions that are used.
public enum TLSVersion: Int32, Comparable, Sendable {
  case tls12 = 0x0303
  case tls13 = 0x0304

  /// Whether `left` is the older version.
  public static func < (left: TLSVersion, right: TLSVersion) -> Bool { left.rawValue < right.rawValue }
}

/// An SSL_CTX. When a certificate is renewed at run time, a new context is made; sessions keep the one they began with.
public final class TLSContext: @unchecked Sendable {  // Safety: SSL_CTX is ref-counted, locked, fixed after init.
  /// The side of the connection.
  public enum Role: Sendable { case server, client }

  /// The most issuers above the leaf.
  public static let maximumChainDepth: Int32 = 4
  /// The most bytes of a peer's certificate chain. OpenSSL's default is 100 kB.
  public static let maximumPeerChainBytes = 16 << 10

  /// The default number of client certificates that a context remembers as verified.
  public static let usualKnownCertificates = 65_536

  let pointer: OpaquePointer
  /// The side of the connection.
  public let role: Role
  /// The key identifiers of the authorities whose client certificates are trusted, as `Certificate.subjectKeyIDHex`.
  public private(set) var clientAuthorityKeyIDs: Set<String> = []
  /// The verified client certificates. Each session holds its context, so this object outlives all callbacks.
  let known: KnownCertificates

  private init(role: Role, knownCertificates: Int = 0) throws(TLSError) {
    known = KnownCertificates(capacity: knownCertificates)
    OpenSSLErrorQueue.clear()
    guard let pointer = SSL_CTX_new(role == .server ? TLS_server_method() : TLS_client_method()) else {
      throw .unusableSettings(reason: OpenSSLErrorQueue.takeReason())
    }
    self.pointer = pointer
    self.role = role
  }

  deinit { SSL_CTX_free(pointer) }

  /// Makes a context for a server.
  /// - Parameters:
  ///   - certificateChainPEM: the leaf comes first.
  ///   - clientTrustPEM: the authorities whose client certificates are trusted; there are several during a rotation.
  ///     The server then asks for a client certificate but does not require one. A bad certificate does not end the
  ///     handshake: the session's `peer` has the verdict, so that the server can refuse with an HTTP answer that gives
  ///     the reason. With nil the server asks for no certificate.
  ///   - knownCertificates: the most client certificates to remember as verified.
  /// - Throws: `.unusableIdentity`, `.unusableTrust`, `.unusableSettings`.
  public static func server(
    certificateChainPEM: [UInt8], privateKeyPEM: [UInt8], clientTrustPEM: [UInt8]?,
    knownCertificates: Int = usualKnownCertificates
  ) throws(TLSError) -> TLSContext {
    let identity = try TLSIdentity(chainPEM: certificateChainPEM, privateKeyPEM: privateKeyPEM)
    let context = try TLSContext(role: .server, knownCertificates: knownCertificates)
    try context.configure(versions: .tls12 ... .tls13)
    try identity.install(intoContext: context.pointer)
    SSL_CTX_set_alpn_select_cb(context.pointer, selectHTTP1, nil)
    if let clientTrustPEM {
      let authorities = try context.trust(clientTrustPEM)
      for authority in authorities { SSL_CTX_add_client_CA(context.pointer, authority.pointer) }
      context.clientAuthorityKeyIDs = Set(authorities.compactMap(\.subjectKeyIDHex))
      SSL_CTX_set_verify(context.pointer, SSL_VERIFY_PEER, nil)
    }
    return context
  }

  /// Makes a context for a client.
  /// - Parameters:
  ///   - trustPEM: the authorities whose server certificates are trusted. With nil they are those of the operating
  ///     system: OpenSSL's usual files, or those that SSL_CERT_FILE and SSL_CERT_DIR name. OpenSSL reads a file of
  ///     that directory when a handshake needs it.
  ///   - identity: presented when the server asks for it. A session may have its own instead.
  ///   - applicationProtocols: ALPN names in order of preference; empty for no ALPN.
  /// - Throws: `.unusableIdentity`, `.unusableTrust`, `.unusableSettings`.
  public static func client(
    trustPEM: [UInt8]?, identity: TLSIdentity? = nil, applicationProtocols: [String] = ["http/1.1"],
    versions: ClosedRange<TLSVersion> = .tls12 ... .tls13
  ) throws(TLSError) -> TLSContext {
    let context = try TLSContext(role: .client)
    try context.configure(versions: versions)
    try identity?.install(intoContext: context.pointer)
    if let trustPEM {
      _ = try context.trust(trustPEM)
    } else if SSL_CTX_set_default_verify_paths(context.pointer) != 1 {
      throw .unusableSettings(reason: OpenSSLErrorQueue.takeReason())
    }
    SSL_CTX_set_verify(context.pointer, SSL_VERIFY_PEER, nil)
    let wire = applicationProtocols.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
    guard wire.isEmpty || SSL_CTX_set_alpn_protos(context.pointer, wire, UInt32(wire.count)) == 0 else {
      throw .unusableSettings(reason: OpenSSLErrorQueue.takeReason())
    }
    return context
  }

  /// Makes a context for a client that knows no authority yet: it accepts every certificate. Whoever sits between client
  /// and server can then read and change everything, so send no secret, and check what arrives in another way.
  /// - Throws: `.unusableSettings`.
  public static func trustingClient() throws(TLSError) -> TLSContext {
    let context = try TLSContext(role: .client)
    try context.configure(versions: .tls12 ... .tls13)
    SSL_CTX_set_verify(context.pointer, SSL_VERIFY_NONE, nil)
    return context
  }

  private func configure(versions: ClosedRange<TLSVersion>) throws(TLSError) {
    OpenSSLErrorQueue.clear()
    SSL_CTX_set_security_level(pointer, 2)
    guard ctls_set_protocol_versions(pointer, versions.lowerBound.rawValue, versions.upperBound.rawValue) == 1,
      ctls_set_groups(pointer, "X25519:P-256") == 1,
      SSL_CTX_set_ciphersuites(
        pointer, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256") == 1,
      SSL_CTX_set_cipher_list(pointer, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1
    else { throw .unusableSettings(reason: OpenSSLErrorQueue.takeReason()) }
    // Sessions are not resumed. A ticket with a client certificate costs OpenSSL 3.0 more than a full handshake (2323
    // against 1418 us), and a resumed session skips the verification of the certificate.
    SSL_CTX_set_options(
      pointer,
      ctls_op_no_ticket | ctls_op_no_renegotiation | ctls_op_no_compression | ctls_op_cipher_server_preference)
    SSL_CTX_set_num_tickets(pointer, 0)
    ctls_set_session_cache_mode(pointer, Int(SSL_SESS_CACHE_OFF))
    SSL_CTX_set_max_early_data(pointer, 0)
    // RELEASE_BUFFERS halves an idle connection (32 to 15 kB). Without NO_AUTO_CHAIN OpenSSL would send the client
    // trust, which also contains the authority of the server's certificate, in each handshake.
    ctls_set_mode(
      pointer,
      Int(
        SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER
          | SSL_MODE_NO_AUTO_CHAIN))
    SSL_CTX_set_verify_depth(pointer, Self.maximumChainDepth)
    ctls_set_max_cert_list(pointer, Self.maximumPeerChainBytes)
    // Safety: sessions hold their context, and with it `known`, as long as OpenSSL can call back.
    SSL_CTX_set_cert_verify_callback(pointer, judgePeer, Unmanaged.passUnretained(known).toOpaque())
    SSL_CTX_set_msg_callback(pointer, countRekeyAttempts)
  }

  private func trust(_ pem: [UInt8]) throws(TLSError) -> [Certificate] {
    let authorities: [Certificate]
    do { authorities = try Certificate.chain(pem: pem) } catch { throw .unusableTrust(error) }
    let store = SSL_CTX_get_cert_store(pointer)
    // With this flag an intermediate can be a trust anchor, so a client need not send the certificates above its leaf.
    X509_STORE_set_flags(store, UInt(X509_V_FLAG_PARTIAL_CHAIN))
    for authority in authorities where X509_STORE_add_cert(store, authority.pointer) != 1 {
      throw .unusableTrust(.failed(reason: OpenSSLErrorQueue.takeReason()))
    }
    return authorities
  }
}

/// Verifies a chain at the session's time. In a server the handshake goes on whatever the result, which OpenSSL keeps
/// as the session's verify result. OpenSSL still checks the proof of possession, and refuses certificates that it
/// cannot parse.
private let judgePeer: @convention(c) (OpaquePointer?, UnsafeMutableRawPointer?) -> Int32 = { store, known in
  let ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()).map { OpaquePointer($0) }
  guard let ssl, let state = LentBIO.state(of: ssl) else { return 0 }
  let isServer = SSL_is_server(ssl) == 1
  // A certificate counts as verified until the first certificate of its verified chain ends. The chain that the client
  // sends with it this time does not matter.
  let leaf = isServer ? X509_STORE_CTX_get0_cert(store).flatMap { KnownCertificates.Fingerprint(of: $0) } : nil
  // Safety: `configure` passed the pointer, and the object lives as long as the session.
  let known = known.map { Unmanaged<KnownCertificates>.fromOpaque($0).takeUnretainedValue() }
  if let leaf, let known, known.contains(leaf, now: state.pointee.now) {
    X509_STORE_CTX_set_error(store, X509_V_OK)
    return 1
  }
  X509_STORE_CTX_set_time(store, 0, Int(state.pointee.now))
  if isServer { X509_STORE_CTX_set_verify_cb(store, goOnOutsideTimeOfLeaf) }
  let isComplete = X509_verify_cert(store) == 1
  let finding = X509_STORE_CTX_get_error(store)
  if isComplete, finding == X509_V_OK, let leaf, let validity = validity(ofChain: store) {
    known?.insert(leaf, validity: validity)
  }
  if !isComplete, finding == X509_V_OK {
    // A failure without a cause must not be taken for success.
    X509_STORE_CTX_set_error(store, X509_V_ERR_UNSPECIFIED)
  } else if !isComplete, isServer, finding == X509_V_ERR_CERT_HAS_EXPIRED || finding == X509_V_ERR_CERT_NOT_YET_VALID {
    // The authority has expired or is not valid yet. The leaf was not checked, so nothing vouches for it.
    X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_UNTRUSTED)
  }
  // A wrong signature leaves entries in the queue, and the rest of the handshake would fail because of them.
  if isServer { OpenSSLErrorQueue.clear() }
  return isComplete || isServer ? 1 : 0
}

/// The time in which all certificates of a verified chain are valid, including the anchor; nil if there is no such
/// time.
private func validity(ofChain store: OpaquePointer?) -> ClosedRange<Int64>? {
  var (first, last) = (Int64.min, Int64.max)
  for index in 0..<ctls_chain_count(store) {
    let certificate = ctls_chain_certificate(store, index).map { Certificate(sharing: $0) }
    guard let certificate else { return nil }
    first = max(first, certificate.notBefore)
    last = min(last, certificate.notAfter)
  }
  return first <= last ? first...last : nil
}

/// Lets the verification of a client's chain go on if the leaf is outside its time. The verdicts `.expired` and
/// `.notYetValid` then mean that OpenSSL found no other fault, because a later finding replaces this one. OpenSSL checks
/// the chain from the anchor down, and the times of a certificate after its signature.
private let goOnOutsideTimeOfLeaf: @convention(c) (Int32, OpaquePointer?) -> Int32 = { isFine, store in
  let finding = X509_STORE_CTX_get_error(store)
  let isTime = finding == X509_V_ERR_CERT_HAS_EXPIRED || finding == X509_V_ERR_CERT_NOT_YET_VALID
  return isTime && X509_STORE_CTX_get_error_depth(store) == 0 ? 1 : isFine
}

/// Counts the peer's KeyUpdates and the refused renegotiations. Each costs this side more than the peer.
private let countRekeyAttempts:
  @convention(c) (Int32, Int32, Int32, UnsafeRawPointer?, Int, OpaquePointer?, UnsafeMutableRawPointer?) -> Void = {
    isWritten, _, kind, message, count, ssl, _ in
    guard let message, count > 0 else { return }
    let isKeyUpdate =
      isWritten == 0 && kind == SSL3_RT_HANDSHAKE && message.load(as: UInt8.self) == UInt8(SSL3_MT_KEY_UPDATE)
    let isRefusal =
      isWritten == 1 && kind == SSL3_RT_ALERT && count == 2
      && message.load(fromByteOffset: 1, as: UInt8.self) == UInt8(SSL_AD_NO_RENEGOTIATION)
    if isKeyUpdate || isRefusal { LentBIO.state(of: ssl)?.pointee.rekeyAttempts += 1 }
  }

/// ALPN (RFC 7301): selects `http/1.1` if the client offers it, else sends the alert `no_application_protocol`. A
/// client that offers other protocols speaks only those, and would misread an HTTP/1.1 answer.
private let selectHTTP1:
  @convention(c) (
    OpaquePointer?, UnsafeMutablePointer<UnsafePointer<UInt8>?>?, UnsafeMutablePointer<UInt8>?, UnsafePointer<UInt8>?,
    UInt32, UnsafeMutableRawPointer?
  ) -> Int32 = { _, selected, selectedCount, offered, offeredCount, _ in
    let names = UnsafeBufferPointer(start: offered, count: Int(offeredCount))
    var position = 0
    while position < names.count {
      let end = position + 1 + Int(names[position])
      guard end <= names.count else { break }
      if names[(position + 1)..<end].elementsEqual("http/1.1".utf8) {
        // Safety: OpenSSL copies the name from the list that it lent.
        selected?.pointee = names.baseAddress.map { $0 + position + 1 }
        selectedCount?.pointee = names[position]
        return SSL_TLSEXT_ERR_OK
      }
      position = end
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL
  }
