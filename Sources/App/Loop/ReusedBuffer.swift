import Protocol

/// A buffer that is lent to one user after the other. The user can fill it without access to its owner.
struct ReusedBuffer: ~Copyable {
  private var buffer: ByteBuffer
  private let keptBytes: Int

  /// - Parameters:
  ///   - keptBytes: a buffer that has grown beyond this is freed when it is returned.
  ///   - minimumCapacity: bytes to reserve at the start.
  init(keptBytes: Int, minimumCapacity: Int = 0) {
    self.keptBytes = keptBytes
    buffer = ByteBuffer(minimumCapacity: minimumCapacity)
  }

  /// Returns the buffer, which is empty. While it is lent, a second call returns another one.
  mutating func lend() -> ByteBuffer {
    var lent = ByteBuffer()
    swap(&lent, &buffer)
    return lent
  }

  /// Takes the buffer back for the next use.
  mutating func takeBack(_ lent: consuming ByteBuffer) {
    buffer = lent
    buffer.removeAll(keepingCapacity: buffer.allocatedBytes <= keptBytes)
  }
}
