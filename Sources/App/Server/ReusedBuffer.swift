import Protocol

/// A buffer that is lent for one use after the other. Whoever has it may fill it without its owner being touched.
struct ReusedBuffer: ~Copyable {
  private var buffer: ByteBuffer
  private let keptBytes: Int

  /// - Parameters:
  ///   - keptBytes: a use that made it larger gives the memory back.
  ///   - minimumCapacity: bytes to reserve at once.
  init(keptBytes: Int, minimumCapacity: Int = 0) {
    self.keptBytes = keptBytes
    buffer = ByteBuffer(minimumCapacity: minimumCapacity)
  }

  /// Empty. While it is lent, the next one gets another.
  mutating func lend() -> ByteBuffer {
    var lent = ByteBuffer()
    swap(&lent, &buffer)
    return lent
  }

  mutating func takeBack(_ lent: consuming ByteBuffer) {
    buffer = lent
    buffer.removeAll(keepingCapacity: buffer.allocatedBytes <= keptBytes)
  }
}
