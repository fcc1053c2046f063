// Which client certificates were found genuine before, so that a collector that comes back costs one signature check less
// (about a tenth of its handshake). It belongs to one TLSContext: other trust anchors are another context, which knows nobody.
// Only this verdict is remembered: that the peer holds the key is proven in each handshake, and who was revoked is not a
// question of TLS at all (the directory answers it at each request).

import CEpoll.TLS
internal import Synchronization

/// A bounded set of leaf certificates whose chain was verified, each for as long as all of that chain is valid.
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

  /// Two generations: when the younger is full, the older is forgotten and the younger takes its place.
  private struct Generations {
    var young: [Fingerprint: ClosedRange<Int64>] = [:]
    var old: [Fingerprint: ClosedRange<Int64>] = [:]
  }

  private let generation: Int
  private let generations = Mutex(Generations())

  /// - Parameter capacity: certificates, at most; each costs about 150 bytes. 0 remembers nothing.
  init(capacity: Int) {
    precondition(capacity >= 0)
    generation = capacity / 2
  }

  var count: Int { generations.withLock { $0.young.count + $0.old.count } }

  /// Whether the certificate was found genuine, and all that vouched for it is valid at `now`.
  func contains(_ certificate: Fingerprint, now: Int64) -> Bool {
    generations.withLock { generations in
      if let validity = generations.young[certificate] { return validity.contains(now) }
      guard let validity = generations.old.removeValue(forKey: certificate) else { return false }
      insert(certificate, validity, into: &generations)
      return validity.contains(now)
    }
  }

  /// - Parameter validity: the time, unix seconds, in which every certificate of the chain is valid.
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
  /// - Parameter certificate: an X509. nil if it has no digest, which only a broken one has not.
  init?(of certificate: OpaquePointer) {
    let isWhole = withUnsafeMutableBytes(of: &words) { words in
      // Safety: 32 bytes are what SHA-256 has.
      X509_digest(certificate, EVP_sha256(), words.baseAddress?.assumingMemoryBound(to: UInt8.self), nil) == 1
    }
    if !isWhole { return nil }
  }
}
