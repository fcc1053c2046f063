// The one growable byte store of the data path.
// `~Copyable`: it has exactly one owner, so touching it costs neither a uniqueness check nor a retain
// (a class-owned `[UInt8]` costs 22 to 35 ns a byte-put on Linux x86-64, this 4 ns). Borrow it with `span`.

#if canImport(Glibc)
  import Glibc
#endif

/// A growable, uniquely owned run of bytes with a cheap front (`removeFirst` moves an offset, not memory).
public struct ByteBuffer: ~Copyable {
  private var base: UnsafeMutableRawPointer?
  private var capacity = 0
  private var start = 0
  private var end = 0

  /// - Parameter minimumCapacity: bytes to reserve at once; 0 allocates nothing until the first append.
  public init(minimumCapacity: Int = 0) {
    if minimumCapacity > 0 { reserve(minimumCapacity) }
  }

  deinit { free(base) }

  /// The number of readable bytes.
  public var count: Int { end - start }
  public var isEmpty: Bool { end == start }
  /// Bytes held from the allocator, whether filled or not: what a memory budget should count.
  public var allocatedBytes: Int { capacity }

  /// The readable bytes. Valid until the next mutation; the compiler enforces it.
  public var span: Span<UInt8> {
    @_lifetime(borrow self)
    borrowing get {
      // Safety: base covers capacity bytes and start <= end <= capacity; the lifetime is tied to self.
      let buffer = UnsafeBufferPointer(
        start: base.map { ($0 + start).assumingMemoryBound(to: UInt8.self) }, count: end - start)
      let span = Span<UInt8>(_unsafeElements: buffer)
      return _overrideLifetime(span, borrowing: self)
    }
  }

  /// Lends a part of the readable bytes: for an owner that is a class, whose properties cannot lend a span beyond one
  /// access.
  public borrowing func withSpan<R, E: Error>(
    _ range: Range<Int>, _ body: (Span<UInt8>) throws(E) -> R
  ) throws(E) -> R {
    try body(span.extracting(range))
  }

  /// The readable bytes as a pointer, for C calls. The pointer must not outlive `body`.
  public borrowing func withUnsafeBytes<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
    try body(UnsafeRawBufferPointer(start: base.map { UnsafeRawPointer($0 + start) }, count: end - start))
  }

  /// Makes room for `count` more bytes after the readable ones.
  @inline(__always)
  public mutating func reserve(_ count: Int) {
    if capacity - end < count { makeRoom(count) }
  }

  private mutating func makeRoom(_ count: Int) {
    let used = end - start
    if start > 0, capacity - used >= count, start >= used {
      memmove(base!, base! + start, used)
    } else {
      let wanted = max(used + count, capacity * 2, 64)
      let grown = malloc(wanted)!
      if used > 0 { memcpy(grown, base! + start, used) }
      free(base)
      base = grown
      capacity = wanted
    }
    start = 0
    end = used
  }

  public mutating func append(_ byte: UInt8) {
    reserve(1)
    (base! + end).storeBytes(of: byte, as: UInt8.self)
    end += 1
  }

  public mutating func append(_ bytes: Span<UInt8>) {
    bytes.withUnsafeBufferPointer { append(UnsafeRawBufferPointer($0)) }
  }

  /// For a buffer beside this one in the same struct, whose span would borrow the whole of it.
  public mutating func append(_ other: borrowing ByteBuffer) { append(other.span) }

  public mutating func append(_ bytes: UnsafeRawBufferPointer) {
    guard let source = bytes.baseAddress, bytes.count > 0 else { return }
    reserve(bytes.count)
    memcpy(base! + end, source, bytes.count)
    end += bytes.count
  }

  public mutating func append(_ bytes: [UInt8]) {
    bytes.withUnsafeBytes { append($0) }
  }

  /// Appends the UTF-8 of `text`.
  public mutating func append(utf8 text: String) {
    var text = text
    text.withUTF8 { append(UnsafeRawBufferPointer($0)) }
  }

  public mutating func append(_ text: StaticString) {
    append(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  /// Appends `value` in network order.
  public mutating func append<T: FixedWidthInteger>(bigEndian value: T) {
    reserve(MemoryLayout<T>.size)
    (base! + end).storeBytes(of: value.bigEndian, as: T.self)
    end += MemoryLayout<T>.size
  }

  /// Overwrites an integer that was appended before. - Parameter offset: from the first readable byte.
  public mutating func overwrite<T: FixedWidthInteger>(bigEndian value: T, at offset: Int) {
    precondition(offset >= 0 && offset + MemoryLayout<T>.size <= count)
    (base! + start + offset).storeBytes(of: value.bigEndian, as: T.self)
  }

  /// Puts other bytes, as many or more or fewer, in the place of some. - Parameter range: from the first readable byte.
  public mutating func replace(_ range: Range<Int>, with bytes: Span<UInt8>) {
    precondition(range.lowerBound >= 0 && range.upperBound <= count)
    let (tail, distance) = (count - range.upperBound, bytes.count - range.count)
    if distance > 0 { reserve(distance) }
    let place = base! + start + range.lowerBound
    if distance != 0 { memmove(place + bytes.count, place + range.count, tail) }
    // Safety: the precondition and `reserve` bound both moves; a span of other memory cannot overlap this buffer's.
    bytes.withUnsafeBytes { source in
      if let address = source.baseAddress { place.copyMemory(from: address, byteCount: source.count) }
    }
    end += distance
  }

  /// Lends at least `minimumCapacity` uninitialised bytes after the readable ones; `fill` returns how many it wrote.
  @discardableResult
  public mutating func appendUninitialized<E: Error>(
    minimumCapacity: Int, _ fill: (UnsafeMutableRawBufferPointer) throws(E) -> Int
  ) throws(E) -> Int {
    reserve(minimumCapacity)
    let written = try fill(UnsafeMutableRawBufferPointer(start: base! + end, count: capacity - end))
    precondition(written >= 0 && written <= capacity - end)
    end += written
    return written
  }

  /// Forgets everything after the first `newCount` readable bytes.
  public mutating func truncate(to newCount: Int) {
    precondition(newCount >= 0 && newCount <= count)
    end = start + newCount
  }

  /// Forgets the first `n` readable bytes, without moving the rest.
  public mutating func removeFirst(_ n: Int) {
    precondition(n >= 0 && n <= count)
    start += n
    if start == end {
      start = 0
      end = 0
    }
  }

  /// Forgets all bytes. - Parameter keepingCapacity: false also returns the memory.
  public mutating func removeAll(keepingCapacity: Bool = true) {
    start = 0
    end = 0
    if !keepingCapacity {
      free(base)
      base = nil
      capacity = 0
    }
  }
}
