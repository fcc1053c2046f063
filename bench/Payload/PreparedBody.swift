// A template that is compressed once. A push made from it is a copy with a few changed bytes. To compress each push
// would be the most expensive work of the load client.
//
// Around each hole the stream is flushed to a byte boundary, and the hole itself is a stored block (RFC 1951 §3.2.4).
// Its bytes appear unchanged in the compressed stream and can be overwritten there. The text between the holes is
// compressed as usual and may refer to earlier text, but not to holes: their placeholder bytes occur in no JSON, so no
// match reaches into a hole.
//
// The checksum is linear (a CRC is a remainder of polynomials over GF(2)). Exchanging the bytes of a hole adds (old ⊕
// new) · x^(8 · bytes behind) to it. Holes that always hold the same text share one factor.

internal import CEpoll.Zlib
internal import Protocol

/// A compressed push with places for identity and timestamps.
struct PreparedBody: Sendable {
  /// The places of one text in `wire`, and the effect of a change on the checksum.
  private struct Slot: Sendable {
    let hole: PushTemplate.Hole
    let bytes: Int
    var offsets: [Int]
    /// The sum of x^(8 · bytes behind), modulo the CRC's polynomial, over `offsets`.
    var factor: UInt
    let placeholderChecksum: UInt
  }

  /// One gzip member with placeholders. Its trailer fits the placeholders.
  private let wire: [UInt8]
  private let slots: [Slot]
  private let checksum: UInt
  let rawBytes: Int

  /// No JSON text holds this byte unescaped (RFC 8259 §7).
  private static let placeholder: UInt8 = 1
  private static let trailerBytes = 8

  /// - Parameters:
  ///   - level: 1 to 9.
  ///   - hostnameBytes: the length that every host name must have.
  init(template: borrowing PushTemplate, level: Int, hostnameBytes: Int) {
    var deflater = SectionDeflater(level: level)
    var slots: [Slot] = []
    let total = template.text.count + template.holes.reduce(0) { $0 + $1.hole.bytes(hostnameBytes) }
    var start = 0
    var raw = 0
    for (end, hole) in template.holes {
      let bytes = hole.bytes(hostnameBytes)
      deflater.append(template.text.span.extracting(start..<end))
      let offset = deflater.appendStored([UInt8](repeating: Self.placeholder, count: bytes))
      raw += end - start + bytes
      let factor = crc32_combine_gen(total - raw)
      if let known = slots.firstIndex(where: { $0.hole == hole }) {
        slots[known].offsets.append(offset)
        slots[known].factor ^= factor
      } else {
        let blank = [UInt8](repeating: Self.placeholder, count: bytes)
        slots.append(
          Slot(
            hole: hole, bytes: bytes, offsets: [offset], factor: factor, placeholderChecksum: Self.crc(blank.span)))
      }
      start = end
    }
    deflater.append(template.text.span.extracting(start...))
    wire = deflater.finish()
    self.slots = slots
    rawBytes = total
    let trailer = wire.suffix(Self.trailerBytes)
    checksum = trailer.prefix(4).reversed().reduce(0) { $0 << 8 | UInt($1) }
  }

  /// Makes the push of one collector as gzip.
  /// - Returns: nil if the host name does not have the prepared length.
  func fill(collector: UUID, hostname: String, newest: Int64) -> [UInt8]? {
    var wire = self.wire
    var checksum = self.checksum
    var text = ByteBuffer(minimumCapacity: 64)
    for slot in slots {
      text.removeAll()
      slot.hole.append(collector: collector, hostname: hostname, newest: newest, to: &text)
      if text.count != slot.bytes { return nil }
      // With an empty second part, the combination is only the multiplication.
      checksum ^= crc32_combine_op(slot.placeholderChecksum ^ Self.crc(text.span), 0, slot.factor)
      text.withUnsafeBytes { text in
        for offset in slot.offsets {
          // Safety: the offsets are positions in `wire`, whose size never changes.
          wire.withUnsafeMutableBytes {
            $0.baseAddress!.advanced(by: offset).copyMemory(from: text.baseAddress!, byteCount: text.count)
          }
        }
      }
    }
    for byte in 0..<4 {
      wire[wire.count - Self.trailerBytes + byte] = UInt8(truncatingIfNeeded: checksum >> (8 * UInt(byte)))
    }
    return wire
  }

  private static func crc(_ bytes: Span<UInt8>) -> UInt {
    bytes.withUnsafeBufferPointer { crc32(0, $0.baseAddress, UInt32($0.count)) }
  }
}

/// A gzip stream in sections that end at byte boundaries.
private struct SectionDeflater: ~Copyable {
  // zlib's state holds a pointer to the z_stream, so the stream must not move when this struct does.
  private let stream: UnsafeMutablePointer<z_stream>
  private let level: CInt
  private var output = ByteBuffer()

  /// The output of a flush exceeds zlib's bound by at most this much: an empty stored block, and header bits.
  private static let flushBytes = 64

  init(level: Int) {
    precondition((1...9).contains(level))
    self.level = CInt(level)
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    let code = cepoll_gzip_deflate_init(stream, CInt(level))
    precondition(code == Z_OK, "zlib: deflateInit2 gave \(code)")
  }

  deinit {
    deflateEnd(stream)
    stream.deallocate()
  }

  mutating func append(_ bytes: Span<UInt8>) { deflate(bytes, Z_SYNC_FLUSH) }

  /// Appends `bytes` uncompressed. All of them must have the same value.
  /// - Returns: their offset in the output.
  mutating func appendStored(_ bytes: [UInt8]) -> Int {
    setLevel(0)
    let start = output.count
    deflate(bytes.span, Z_SYNC_FLUSH)
    setLevel(level)
    return output.withUnsafeBytes { output in
      let end = output.count - bytes.count
      guard let place = (start...end).first(where: { output[$0..<($0 + bytes.count)].elementsEqual(bytes) }) else {
        preconditionFailure("zlib did not store what it should not compress")
      }
      return place
    }
  }

  consuming func finish() -> [UInt8] {
    deflate([UInt8]().span, Z_FINISH)
    return output.withUnsafeBytes { Array($0) }
  }

  private mutating func setLevel(_ level: CInt) {
    output.appendUninitialized(minimumCapacity: Self.flushBytes) { target in
      // Safety: zlib writes at most `avail_out` bytes, and does not use the pointer after the call.
      stream.pointee.next_out = target.baseAddress.map { $0.assumingMemoryBound(to: UInt8.self) }
      stream.pointee.avail_out = UInt32(Self.flushBytes)
      let code = deflateParams(stream, level, Z_DEFAULT_STRATEGY)
      precondition(code == Z_OK, "zlib: deflateParams gave \(code)")
      stream.pointee.next_out = nil
      return Self.flushBytes - Int(stream.pointee.avail_out)
    }
  }

  private mutating func deflate(_ bytes: Span<UInt8>, _ flush: CInt) {
    let bound = Int(deflateBound(stream, UInt(bytes.count))) + Self.flushBytes
    bytes.withUnsafeBufferPointer { source in
      _ = output.appendUninitialized(minimumCapacity: bound) { target in
        // Safety: zlib reads `source` and never writes it (the field only lacks a const). It writes at most `bound`
        // bytes, which `appendUninitialized` reserved. Neither pointer is used after the call.
        stream.pointee.next_in = UnsafeMutablePointer(mutating: source.baseAddress)
        stream.pointee.avail_in = UInt32(source.count)
        stream.pointee.next_out = target.baseAddress.map { $0.assumingMemoryBound(to: UInt8.self) }
        stream.pointee.avail_out = UInt32(bound)
        let code = CEpoll.deflate(stream, flush)
        precondition(
          code == (flush == Z_FINISH ? Z_STREAM_END : Z_OK) && stream.pointee.avail_in == 0,
          "zlib: deflate within its own bound gave \(code)")
        return bound - Int(stream.pointee.avail_out)
      }
    }
    stream.pointee.next_in = nil
    stream.pointee.next_out = nil
  }
}
