// The header of a gzip member (RFC 1952 section 2.3), read byte by byte. Names, comments and extra fields are skipped.

/// Reads one header.
struct GzipHeader {
  private enum State {
    /// The ten bytes with which each header begins; holds the index of the next byte. → any state below
    case fixed(Int)
    case extraLength(Int)  // → extra, name, comment, checksum, done
    case extra(left: Int)  // → name, comment, checksum, done
    case name  // → comment, checksum, done
    case comment  // → checksum, done
    case checksum(Int)  // → done
    case done
  }

  private enum Flag {
    static let checksum: UInt8 = 0x02
    static let extra: UInt8 = 0x04
    static let name: UInt8 = 0x08
    static let comment: UInt8 = 0x10
    static let reserved: UInt8 = 0xE0
  }

  static let firstByte: UInt8 = 0x1F
  private static let magic = 0x8B1F
  private static let deflateMethod = 8

  private var state = State.fixed(0)
  private var flags: UInt8 = 0
  /// The two-byte number that is being read; the low byte comes first.
  private var number = 0
  /// The CRC-32 of the header up to here. The header may end with its lower 16 bits.
  private var crc = CRC32()

  var isDone: Bool {
    if case .done = state { return true }
    return false
  }

  /// Whether the first two bytes were read and identify gzip.
  var hasMagic: Bool {
    if case .fixed(let place) = state { place > 1 } else { true }
  }

  /// Whether the bytes just read count for the header's checksum.
  private var isSummed: Bool {
    switch state {
    case .fixed, .extraLength, .extra, .name, .comment, .checksum(0): true
    case .checksum, .done: false
    }
  }

  /// Reads on from `index` and advances it.
  /// - Returns: false if this is not gzip. The byte before `index` is the first wrong one.
  mutating func read(_ bytes: Span<UInt8>, _ index: inout Int) -> Bool {
    let start = index
    var unsummed = start
    defer { if isSummed { crc.update(bytes.extracting(unsummed..<index)) } }
    while index < bytes.count {
      if case .done = state { return true }
      let byte = bytes[index]
      if case .checksum(0) = state {
        crc.update(bytes.extracting(unsummed..<index))
        unsummed = index
      }
      index += 1
      guard step(byte) else { return false }
    }
    return true
  }

  private mutating func step(_ byte: UInt8) -> Bool {
    switch state {
    case .fixed(let place):
      switch place {
      case 0, 2: number = Int(byte)
      case 1: if number | Int(byte) << 8 != Self.magic { return false }
      case 3:
        flags = byte
        if number != Self.deflateMethod || flags & Flag.reserved != 0 { return false }
      default: break  // the time, the level and the operating system
      }
      state = place < 9 ? .fixed(place + 1) : behindFixed
    case .extraLength(let place):
      number = place == 0 ? Int(byte) : number | Int(byte) << 8
      state = place == 0 ? .extraLength(1) : number > 0 ? .extra(left: number) : behindExtra
    case .extra(let left): state = left > 1 ? .extra(left: left - 1) : behindExtra
    case .name: if byte == 0 { state = behindName }
    case .comment: if byte == 0 { state = behindComment }
    case .checksum(let place):
      number = place == 0 ? Int(byte) : number | Int(byte) << 8
      if place == 0 {
        state = .checksum(1)
      } else {
        state = .done
        return number == Int(crc.value & 0xFFFF)
      }
    case .done: preconditionFailure("a byte behind the header")
    }
    return true
  }

  private var behindFixed: State { flags & Flag.extra != 0 ? .extraLength(0) : behindExtra }
  private var behindExtra: State { flags & Flag.name != 0 ? .name : behindName }
  private var behindName: State { flags & Flag.comment != 0 ? .comment : behindComment }
  private var behindComment: State { flags & Flag.checksum != 0 ? .checksum(0) : .done }
}
