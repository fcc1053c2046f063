// The serial of a collector's certificate, by which people name it.

/// At most 128 bits: those we make have as many. A longer one is nobody's.
struct CertificateSerial: Hashable, Sendable, LosslessStringConvertible {
  private let number: UInt128

  /// - Parameter hex: 1 to 32 hex digits, either case (`PeerCertificate.serialHex`).
  init?(_ hex: String) {
    guard (1...32).contains(hex.utf8.count), hex.utf8.first != UInt8(ascii: "+"),
      let number = UInt128(hex, radix: 16)
    else { return nil }
    self.number = number
  }

  /// As it is stored and shown: lower-case hex without leading zeros.
  var description: String { String(number, radix: 16) }
}
