// The only file that calls ISA-L: it inflates raw deflate (RFC 1951) piece by piece and computes the CRC-32 of gzip.

import CEpoll.ISAL

#if canImport(Glibc)
  import Glibc
#endif

/// An inflater for one deflate stream at a time.
struct DeflateStream: ~Copyable {
  struct Step {
    enum State {
      case goesOn
      /// The stream has ended, and all of its output is written.
      case ended
      case corrupt
    }

    let state: State
    /// Bytes appended to the output by this step.
    let produced: Int
    /// Bytes of the input that the library did not take. After the end of the stream the number may be larger than the
    /// input: see `unused`.
    let left: Int
    /// Bytes that the library took from this input or an earlier one, and did not use.
    let ahead: Int

    /// After the end: the number of bytes that follow the stream. At most `mostReadAhead` of them belong to an earlier
    /// input.
    var unused: Int { left + ahead }
  }

  /// The library reads whole words, so it takes up to this many bytes beyond the end of a stream.
  static let mostReadAhead = 8
  /// Bytes of memory that one stream holds.
  static let allocatedBytes = cisal_stream_bytes()

  private let stream: OpaquePointer

  init() {
    guard let stream = cisal_stream_new() else { preconditionFailure("out of memory for an inflater") }
    self.stream = stream
  }

  deinit { free(UnsafeMutableRawPointer(stream)) }

  /// Begins a new stream in the same memory.
  mutating func reset() { cisal_stream_reset(stream) }

  /// Inflates from `input` and appends at most `room` bytes to `output`.
  mutating func inflate(_ input: Span<UInt8>, into output: inout ByteBuffer, room: Int) -> Step {
    input.withUnsafeBufferPointer { source in
      var code: CInt = 0
      var left: UInt32 = 0
      var ahead: UInt32 = 0
      let produced = output.appendUninitialized(minimumCapacity: room) { target in
        var produced: UInt32 = 0
        // Safety: the library reads `source.count` bytes and writes at most `room`, which `appendUninitialized` has
        // reserved. Neither pointer is used after the call.
        code = cisal_inflate(
          stream, source.baseAddress, UInt32(source.count), target.baseAddress?.assumingMemoryBound(to: UInt8.self),
          UInt32(room), &left, &ahead, &produced)
        return Int(produced)
      }
      return Step(
        state: code < 0 ? .corrupt : code == 1 ? .ended : .goesOn, produced: produced, left: Int(left),
        ahead: Int(ahead))
    }
  }
}

/// The CRC-32 of gzip and Ethernet.
struct CRC32 {
  private(set) var value: UInt32 = 0

  mutating func update(_ bytes: Span<UInt8>) {
    value = bytes.withUnsafeBufferPointer { cisal_crc32(value, $0.baseAddress, UInt64($0.count)) }
  }
}
