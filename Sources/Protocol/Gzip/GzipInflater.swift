// One gzip member (RFC 1952) inflated piece by piece, with the limits that make a compression bomb cheap.
// Law: output is produced only when asked for, at most `atMost` bytes a call, so the memory of a body never depends on
// its size. A second member is refused: whether to concatenate is ambiguous between peers, and no collector needs it.

import CEpoll.Zlib

/// What a body may grow to. The defaults are the server's.
public struct InflateLimits: Sendable, Equatable {
  /// Bytes a member may inflate to.
  public var inflatedBytes: Int
  /// Inflated bytes per wire byte, judged once more than `ratioGraceBytes` came out.
  public var ratio: Int
  /// Inflated bytes for which no ratio is judged: small repetitive bodies compress far beyond any honest limit.
  public var ratioGraceBytes: Int

  public init(inflatedBytes: Int = 256 << 20, ratio: Int = 200, ratioGraceBytes: Int = 64 << 10) {
    precondition(inflatedBytes >= 0 && ratio > 0 && ratioGraceBytes >= 0)
    self.inflatedBytes = inflatedBytes
    self.ratio = ratio
    self.ratioGraceBytes = ratioGraceBytes
  }
}

public enum InflateError: Error, Equatable, Sendable {
  /// The input ended inside the member.
  case truncated
  /// Not gzip, a damaged stream, or a CRC-32 or length that does not match. `offset` counts wire bytes read so far.
  case corrupt(offset: Int)
  /// Bytes follow the member.
  case trailingBytes
  /// More than `limit` bytes came out.
  case tooLarge(limit: Int)
  /// More came out of the bytes read so far than `InflateLimits.ratio` allows.
  case ratioExceeded
}

public struct InflateProgress: Equatable, Sendable {
  public enum State: Equatable, Sendable {
    /// All input is used up; the member goes on.
    case needsInput
    /// The asked-for output is full; call again, with the input that is left (which may be none).
    case outputFull
    /// The member ended and its checksum and length were right.
    case finished
  }

  /// Input bytes used up by this call.
  public let consumed: Int
  public let state: State
}

/// An inflater for one member at a time. About 40 kB of zlib state once it is running: pool it, and `reset` between bodies.
public struct GzipInflater: ~Copyable {
  private enum Phase {
    case inflating  // → finished, failed
    case finished  // → failed, if a byte follows
    case failed(InflateError)  // final: every later call throws the same
  }

  // zlib's state points back at the z_stream, so the stream must not move when this struct does.
  private let stream: UnsafeMutablePointer<z_stream>
  private var limits: InflateLimits
  private var phase = Phase.inflating
  /// Wire bytes used up since the last reset.
  public private(set) var consumedBytes = 0
  /// Bytes put out since the last reset.
  public private(set) var inflatedBytes = 0

  public init(limits: InflateLimits = InflateLimits()) {
    self.limits = limits
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    let code = cepoll_gzip_inflate_init(stream)
    precondition(code == Z_OK, "zlib: inflateInit2 gave \(code): no memory, or the library is not the header's version")
  }

  deinit {
    inflateEnd(stream)
    stream.deallocate()
  }

  /// Whether a body labelled gzip is gzip. Some collectors put the label on plain JSON: look before inflating.
  /// - Parameter prefix: the first bytes of the body; two are enough.
  public static func looksLikeGzip(prefix: Span<UInt8>) -> Bool {
    prefix.count >= 2 && prefix[0] == 0x1F && prefix[1] == 0x8B
  }

  /// Forgets the member and keeps the memory.
  public mutating func reset() {
    let code = inflateReset(stream)
    precondition(code == Z_OK, "zlib: inflateReset gave \(code)")
    phase = .inflating
    consumedBytes = 0
    inflatedBytes = 0
  }

  /// The same, for a body with limits of its own.
  public mutating func reset(limits: InflateLimits) {
    self.limits = limits
    reset()
  }

  /// Inflates from `input` and appends to `output`.
  /// - Parameters:
  ///   - input: less than 4 GiB.
  ///   - outputBytes: the most to append, at least 1.
  /// - Throws: an `InflateError`; what was appended before is not to be trusted, and the inflater needs a `reset`.
  public mutating func inflate(
    _ input: Span<UInt8>, into output: inout ByteBuffer, atMost outputBytes: Int
  ) throws(InflateError) -> InflateProgress {
    precondition(outputBytes > 0 && input.count <= Int(UInt32.max))
    switch phase {
    case .inflating: break
    case .finished:
      if input.isEmpty { return InflateProgress(consumed: 0, state: .finished) }
      throw fail(.trailingBytes)
    case .failed(let error): throw error
    }

    // One byte past the limit may come out: without it, a body of exactly the limit could not be told from a larger one.
    let room = min(outputBytes - 1, limits.inflatedBytes - inflatedBytes, Int(UInt32.max) - 1) + 1
    let step = run(input, into: &output, room: room)
    consumedBytes += step.consumed
    inflatedBytes += step.produced

    if step.code == Z_DATA_ERROR || step.code == Z_NEED_DICT { throw fail(.corrupt(offset: consumedBytes)) }
    if inflatedBytes > limits.inflatedBytes { throw fail(.tooLarge(limit: limits.inflatedBytes)) }
    // inflated > consumed * ratio, without the product, which may overflow.
    if inflatedBytes > limits.ratioGraceBytes, (inflatedBytes - 1) / limits.ratio >= consumedBytes {
      throw fail(.ratioExceeded)
    }
    if step.code == Z_STREAM_END {
      phase = .finished
      if step.consumed < input.count { throw fail(.trailingBytes) }
      return InflateProgress(consumed: step.consumed, state: .finished)
    }
    // Z_BUF_ERROR is zlib's word for "no progress was possible", which asking again for output leads to.
    precondition(step.code == Z_OK || step.code == Z_BUF_ERROR, "zlib: inflate gave \(step.code)")
    return InflateProgress(consumed: step.consumed, state: step.produced == room ? .outputFull : .needsInput)
  }

  /// To be called when no more input will come.
  /// - Throws: `.truncated` unless the member was complete.
  public mutating func finish() throws(InflateError) {
    switch phase {
    case .finished: return
    case .inflating: throw fail(.truncated)
    case .failed(let error): throw error
    }
  }

  private mutating func fail(_ error: InflateError) -> InflateError {
    phase = .failed(error)
    return error
  }

  /// One call of zlib's inflate.
  private func run(
    _ input: Span<UInt8>, into output: inout ByteBuffer, room: Int
  ) -> (code: CInt, consumed: Int, produced: Int) {
    input.withUnsafeBufferPointer { source in
      var code = Z_OK
      let produced = output.appendUninitialized(minimumCapacity: room) { target in
        // Safety: zlib reads the bytes of `source` and never writes them (the field only lacks a const), and
        // writes at most `room` bytes, which `appendUninitialized` reserved. Neither pointer is used after the call.
        stream.pointee.next_in = UnsafeMutablePointer(mutating: source.baseAddress)
        stream.pointee.avail_in = UInt32(source.count)
        stream.pointee.next_out = target.baseAddress.map { $0.assumingMemoryBound(to: UInt8.self) }
        stream.pointee.avail_out = UInt32(room)
        code = CEpoll.inflate(stream, Z_NO_FLUSH)
        return room - Int(stream.pointee.avail_out)
      }
      let consumed = source.count - Int(stream.pointee.avail_in)
      stream.pointee.next_in = nil
      stream.pointee.next_out = nil
      return (code, consumed, produced)
    }
  }
}
