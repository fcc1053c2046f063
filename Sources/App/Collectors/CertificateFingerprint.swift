// Identifies a collector's certificate in a lane by its SHA-256, in 32 bytes. The serial is shorter, but an authority
// chooses it: two authorities, or a copied one, can use the same serial twice.

/// The SHA-256 of a certificate's DER form.
struct CertificateFingerprint: Hashable, Sendable {
  private let high: UInt128
  private let low: UInt128

  /// - Parameter hex: 64 hex digits (`PeerCertificate.fingerprintHex`). The result is nil for anything else.
  init?(_ hex: String) {
    guard hex.utf8.count == 64, !hex.utf8.contains(UInt8(ascii: "+")), !hex.utf8.contains(UInt8(ascii: "-")),
      let high = UInt128(hex.prefix(32), radix: 16), let low = UInt128(hex.suffix(32), radix: 16)
    else { return nil }
    self.high = high
    self.low = low
  }
}
