// Universally unique identifiers (RFC 9562), without Foundation.

/// 128 bits, printed as 36 lower-case characters. UUIDs are ordered as their texts are.
public struct UUID: Hashable, Comparable, Sendable, LosslessStringConvertible {
  /// The first eight bytes, as a number in network byte order.
  public let high: UInt64
  /// The last eight bytes, as a number in network byte order.
  public let low: UInt64

  /// Makes a UUID from its two halves.
  public init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// Makes a UUID from its bytes.
  /// - Parameter bytes: 16 bytes in network byte order. Any other number of bytes gives nil.
  public init?(bytes: Span<UInt8>) {
    guard bytes.count == 16 else { return nil }
    var words: (UInt64, UInt64) = (0, 0)
    for index in 0..<8 {
      words.0 = words.0 << 8 | UInt64(bytes[index])
      words.1 = words.1 << 8 | UInt64(bytes[index + 8])
    }
    self.init(high: words.0, low: words.1)
  }

  /// Reads the form 8-4-4-4-12 in either case (RFC 9562 section 4). Any other form gives nil, also braces and
  /// `urn:uuid:`.
  public init?(text: Span<UInt8>) {
    guard text.count == 36 else { return nil }
    var words: (UInt64, UInt64) = (0, 0)
    for index in 0..<36 {
      if Self.isHyphen(index) {
        guard text[index] == UInt8(ascii: "-") else { return nil }
        continue
      }
      guard let nibble = Hex.value(text[index]) else { return nil }
      words.0 = words.0 << 4 | words.1 >> 60
      words.1 = words.1 << 4 | UInt64(nibble)
    }
    self.init(high: words.0, low: words.1)
  }

  /// As above, for a String.
  public init?(_ description: String) { self.init(text: Array(description.utf8).span) }

  /// The 16 bytes in network byte order.
  public var bytes: [UInt8] {
    (0..<16).map { UInt8(truncatingIfNeeded: ($0 < 8 ? high : low) >> UInt64(56 - ($0 & 7) * 8)) }
  }

  /// The form 8-4-4-4-12 in lower case.
  public var description: String {
    String(unsafeUninitializedCapacity: Self.textBytes) { writeText(to: UnsafeMutableRawBufferPointer($0)) }
  }

  static let textBytes = 36

  /// Writes `description` to `memory`, which has at least `textBytes` bytes.
  /// - Returns: the number of bytes written.
  func writeText(to memory: UnsafeMutableRawBufferPointer) -> Int {
    var index = 0
    for byte in 0..<16 {
      if byte == 4 || byte == 6 || byte == 8 || byte == 10 {
        memory[index] = UInt8(ascii: "-")
        index += 1
      }
      let value = UInt8(truncatingIfNeeded: (byte < 8 ? high : low) >> UInt64(56 - (byte & 7) * 8))
      memory[index] = Hex.digit(value >> 4)
      memory[index + 1] = Hex.digit(value & 0x0F)
      index += 2
    }
    return index
  }

  /// Compares in the order of the texts.
  public static func < (left: UUID, right: UUID) -> Bool { (left.high, left.low) < (right.high, right.low) }

  private static func isHyphen(_ index: Int) -> Bool { index == 8 || index == 13 || index == 18 || index == 23 }
}
