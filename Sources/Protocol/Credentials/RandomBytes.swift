// Randomness for secrets and identifiers: OpenSSL's DRBG, seeded by the kernel (RAND_bytes(3)).

import CEpoll.TLS

public enum RandomBytes {
  /// `count` unpredictable bytes. Ends the process if the system has no randomness: to go on would mint guessable secrets.
  public static func generate(_ count: Int) -> [UInt8] {
    precondition(count >= 0 && count <= Int(Int32.max))
    return [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      let filled = count == 0 || RAND_bytes(buffer.baseAddress, Int32(count)) == 1
      precondition(filled, "the system's random generator failed")
      initialized = count
    }
  }
}

/// Whether the two runs are equal, in a time that depends on their length only (CRYPTO_memcmp(3)). The lengths are no secret.
public func constantTimeEquals(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Bool {
  guard left.count == right.count else { return false }
  return left.withUnsafeBytes { l in
    right.withUnsafeBytes { r in CRYPTO_memcmp(l.baseAddress, r.baseAddress, l.count) == 0 }
  }
}
