// SHA-256 and HMAC-SHA-256 (FIPS 180-4, RFC 2104) by libcrypto. The algorithms are fetched once, because a fetch by
// name costs more than hashing a short token.

import CEpoll.TLS

/// The fetched algorithms. They live as long as the process.
private final class FetchedAlgorithms: Sendable {
  let sha256 = AlgorithmHandle(EVP_MD_fetch(nil, "SHA256", nil))
  let hmac = AlgorithmHandle(EVP_MAC_fetch(nil, "HMAC", nil))
}

/// A handle to an EVP_MD or EVP_MAC.
private struct AlgorithmHandle: @unchecked Sendable {  // Safety: fetched methods are immutable and reference-counted.
  let pointer: OpaquePointer
  init(_ fetched: OpaquePointer?) {
    guard let fetched else { preconditionFailure("libcrypto's default provider lacks SHA-256 or HMAC") }
    pointer = fetched
  }
}

private let algorithms = FetchedAlgorithms()

/// An incremental SHA-256.
public struct Digest: ~Copyable {
  /// Bytes of a digest.
  public static let byteCount = 32

  private let context: OpaquePointer
  /// Whether no bytes have been added since the digest began.
  private var isFresh = true
  /// Whether `take` or `takeUUID` has ended the digest. The next update begins a new one.
  private var isFinished = false

  /// Begins an empty digest. Ends the process if there is no memory.
  public init() {
    guard let context = EVP_MD_CTX_new(), EVP_DigestInit_ex2(context, algorithms.sha256.pointer, nil) == 1 else {
      preconditionFailure("out of memory for a digest context")
    }
    self.context = context
  }

  deinit { EVP_MD_CTX_free(context) }

  /// Adds `bytes` to the message.
  public mutating func update(_ bytes: Span<UInt8>) {
    if isFinished { restart() }
    isFresh = false
    bytes.withUnsafeBytes { _ = EVP_DigestUpdate(context, $0.baseAddress, $0.count) }
  }

  /// Ends the digest.
  /// - Returns: its 32 bytes.
  public consuming func finish() -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: Self.byteCount) { buffer, initialized in
      _ = EVP_DigestFinal_ex(context, buffer.baseAddress, nil)
      initialized = Self.byteCount
    }
  }

  /// Ends the digest; the next update begins a new one in the same memory.
  /// - Returns: the 32 bytes of the ended digest.
  public mutating func take() -> [UInt8] {
    if isFinished { restart() }
    isFresh = false
    isFinished = true
    return [UInt8](unsafeUninitializedCapacity: Self.byteCount) { buffer, initialized in
      _ = EVP_DigestFinal_ex(context, buffer.baseAddress, nil)
      initialized = Self.byteCount
    }
  }

  /// As `take`, but returns only the first 16 bytes, and allocates nothing.
  mutating func takeUUID() -> UUID {
    if isFinished { restart() }
    isFresh = false
    isFinished = true
    return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Self.byteCount) { buffer in
      // Safety: libcrypto writes the 32 bytes that the buffer has for the duration of this call.
      _ = EVP_DigestFinal_ex(context, buffer.baseAddress, nil)
      // Safety: the call above initialised all 32 bytes, thus also these 16.
      let first = UnsafeBufferPointer(rebasing: buffer[..<16])
      return UUID(bytes: first.span) ?? UUID(high: 0, low: 0)
    }
  }

  mutating func update(_ id: UUID) {
    var words = (id.high.bigEndian, id.low.bigEndian)
    if isFinished { restart() }
    isFresh = false
    // Safety: the tuple's 16 bytes are read only during this call.
    withUnsafeBytes(of: &words) { _ = EVP_DigestUpdate(context, $0.baseAddress, $0.count) }
  }

  /// Drops the bytes added so far and begins a new digest.
  public mutating func restart() {
    if isFresh { return }
    isFresh = true
    isFinished = false
    guard EVP_DigestInit_ex2(context, algorithms.sha256.pointer, nil) == 1 else {
      preconditionFailure("a digest context does not start again")
    }
  }

  /// The 32-byte SHA-256 of `bytes`.
  public static func sha256(_ bytes: Span<UInt8>) -> [UInt8] {
    var digest = Digest()
    digest.update(bytes)
    return digest.finish()
  }

  /// The 32-byte SHA-256 of `bytes`.
  public static func sha256(_ bytes: [UInt8]) -> [UInt8] { sha256(bytes.span) }

  /// The 32-byte SHA-256 of the UTF-8 of `text`.
  public static func sha256(utf8 text: String) -> [UInt8] { sha256(Array(text.utf8).span) }
}

/// HMAC-SHA-256 with one secret.
final class MessageAuthentication: @unchecked Sendable {  // Safety: `keyed` never changes; each tag has a duplicate.
  private let keyed: OpaquePointer

  init(secret: [UInt8]) {
    guard let keyed = ctls_hmac_sha256_new(algorithms.hmac.pointer, secret, secret.count) else {
      preconditionFailure("out of memory for an HMAC context")
    }
    self.keyed = keyed
  }

  deinit { EVP_MAC_CTX_free(keyed) }

  /// The 32-byte authentication tag of `message`.
  func tag(of message: Span<UInt8>) -> [UInt8] {
    let context = EVP_MAC_CTX_dup(keyed)
    defer { EVP_MAC_CTX_free(context) }
    return [UInt8](unsafeUninitializedCapacity: Digest.byteCount) { buffer, initialized in
      let updated = message.withUnsafeBytes {
        EVP_MAC_update(context, $0.baseAddress?.assumingMemoryBound(to: UInt8.self), $0.count)
      }
      let finished = EVP_MAC_final(context, buffer.baseAddress, &initialized, Digest.byteCount)
      precondition(updated == 1 && finished == 1 && initialized == Digest.byteCount, "HMAC failed")
    }
  }
}
