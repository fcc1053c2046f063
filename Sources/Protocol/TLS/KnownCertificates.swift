// Client certificates whose chain has been verified. When their collector connects again, the handshake needs one
// signature check less (about a tenth of its time). Each TLSContext has a set of its own, because other trust anchors
// may give another verdict. Only the verdict is remembered. Each handshake proves that the peer holds the key. TLS does
// not check revocation; the directory checks it at each request.

import CEpoll.TLS
internal import Synchronization

/// A bounded set of leaf certificates whose chain is verified, each with the time in which the whole chain is valid.
final class KnownCertificates: Sendable {
  /// SHA-256 of the DER form.
  struct Fingerprint: Hashable {
    fileprivate var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)

    static func == (left: Self, right: Self) -> Bool { left.words == right.words }
    func hash(into hasher: inout Hasher) {
      hasher.combine(words.0)
      hasher.combine(words.1)
    }
  }

  /// Two generations: when the younger one is full, the older one is dropped and the younger one takes its place.
  private struct Generations {
    var young: [Fingerprint: ClosedRange<Int64>] = [:]
    var old: [Fingerprint: ClosedRange<Int64>] = [:]
  }

  private let generation: Int
  private let generations = Mutex(Generations())

  /// - Parameter capacity: the most certificates; each takes about 150 bytes. With 0 none is remembered.
  init(capacity: Int) {
    precondition(capacity >= 0)
    generation = capacity / 2
  }

  var count: Int { generations.withLock { $0.young.count + $0.old.count } }

  /// Whether the certificate's chain has been verified and is valid at `now` (unix seconds).
  func contains(_ certificate: Fingerprint, now: Int64) -> Bool {
    generations.withLock { generations in
      if let validity = generations.young[certificate] { return validity.contains(now) }
      guard let validity = generations.old.removeValue(forKey: certificate) else { return false }
      insert(certificate, validity, into: &generations)
      return validity.contains(now)
    }
  }

  /// - Parameter validity: the time, in unix seconds, in which all certificates of the chain are valid.
  func insert(_ certificate: Fingerprint, validity: ClosedRange<Int64>) {
    if generation == 0 { return }
    generations.withLock { insert(certificate, validity, into: &$0) }
  }

  private func insert(
    _ certificate: Fingerprint, _ validity: ClosedRange<Int64>, into generations: inout Generations
  ) {
    if generations.young.count >= generation {
      generations.old = generations.young
      generations.young = [:]
    }
    generations.young[certificate] = validity
  }
}

extension KnownCertificates.Fingerprint {
  /// - Parameter certificate: an X509. The result is nil if OpenSSL cannot compute the digest, which happens only for a
  ///   broken certificate.
  init?(of certificate: OpaquePointer) {
    let isWhole = withUnsafeMutableBytes(of: &words) { words in
      // Safety: SHA-256 has 32 bytes, and `words` has room for them.
      X509_digest(certificate, EVP_sha256(), words.baseAddress?.assumingMemoryBound(to: UInt8.self), nil) == 1
    }
    if !isWhole { return nil }
  }
}
