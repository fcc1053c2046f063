import CEpoll.TLS

/// A certificate chain and the private key of its leaf, parsed once. Any number of sessions share it.
public final class TLSIdentity: @unchecked Sendable {  // Safety: X509 and EVP_PKEY are ref-counted, and used read-only.
  let chain: [Certificate]
  private let key: PrivateKey

  /// Reads a chain and its key.
  /// - Parameter chainPEM: the leaf comes first. Leave the root out: the peer either has it or does not trust it.
  /// - Throws: `.unusableIdentity`.
  public init(chainPEM: [UInt8], privateKeyPEM: [UInt8]) throws(TLSError) {
    do {
      chain = try Certificate.chain(pem: chainPEM)
      key = try PrivateKey(pem: privateKeyPEM)
    } catch {
      throw .unusableIdentity(error)
    }
    OpenSSLErrorQueue.clear()
    guard X509_check_private_key(chain[0].pointer, key.pointer) == 1 else {
      OpenSSLErrorQueue.clear()
      throw .unusableIdentity(.keyMismatch)
    }
  }

  /// Sets this identity for all sessions of `context` (an SSL_CTX).
  func install(intoContext context: OpaquePointer) throws(TLSError) {
    OpenSSLErrorQueue.clear()
    var isInstalled =
      SSL_CTX_use_certificate(context, chain[0].pointer) == 1 && SSL_CTX_use_PrivateKey(context, key.pointer) == 1
    for issuer in chain.dropFirst() {
      isInstalled = isInstalled && ctls_context_add_chain(context, issuer.pointer) == 1
    }
    guard isInstalled else { throw .unusableSettings(reason: OpenSSLErrorQueue.takeReason()) }
  }

  /// Sets this identity for one session (an SSL).
  func install(intoSession session: OpaquePointer) throws(TLSError) {
    OpenSSLErrorQueue.clear()
    var isInstalled =
      SSL_use_certificate(session, chain[0].pointer) == 1 && SSL_use_PrivateKey(session, key.pointer) == 1
    for issuer in chain.dropFirst() {
      isInstalled = isInstalled && ctls_session_add_chain(session, issuer.pointer) == 1
    }
    guard isInstalled else { throw .unusableSettings(reason: OpenSSLErrorQueue.takeReason()) }
  }
}
