// The serial of a collector's certificate, by which people identify it.

/// A serial of at most 128 bits, as this program's authority makes them. No certificate of ours has a longer one.
struct CertificateSerial: Hashable, Sendable, LosslessStringConvertible {
  private let number: UInt128

  /// - Parameter hex: 1 to 32 hex digits in upper or lower case (`PeerCertificate.serialHex`).
  init?(_ hex: String) {
    guard (1...32).contains(hex.utf8.count), hex.utf8.first != UInt8(ascii: "+"),
      let number = UInt128(hex, radix: 16)
    else { return nil }
    self.number = number
  }

  /// The stored and displayed form: lower-case hex without leading zeros.
  var description: String { String(number, radix: 16) }
}
