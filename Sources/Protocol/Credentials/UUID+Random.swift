extension UUID {
  /// Makes a new version 4 UUID: 122 random bits.
  public static func random() -> UUID {
    let bytes = RandomBytes.generate(16)
    var uuid = UUID(bytes: bytes.span)!
    uuid = UUID(
      high: uuid.high & 0xFFFF_FFFF_FFFF_0FFF | 0x4000, low: uuid.low & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000)
    return uuid
  }
}
