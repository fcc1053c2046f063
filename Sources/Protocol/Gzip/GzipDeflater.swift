// gzip of whole messages, for the bench's collectors, stored pages and tests. The server compresses streamed answers
// with `GzipStream`.

import CEpoll.Zlib

/// Compresses whole messages, each into one gzip member (RFC 1952). It holds about 260 kB of zlib state and uses it
/// again for each message.
public struct GzipDeflater: ~Copyable {
  // zlib's state points back to the z_stream, so the z_stream must not move when this struct moves.
  private let stream: UnsafeMutablePointer<z_stream>

  /// Allocates the zlib state. Ends the process if there is no memory.
  /// - Parameter level: 0 (stored) to 9 (smallest).
  public init(level: Int = 6) {
    precondition((0...9).contains(level))
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    let code = cepoll_gzip_deflate_init(stream, CInt(level))
    precondition(code == Z_OK, "zlib: deflateInit2 gave \(code): no memory, or the library is not the header's version")
  }

  deinit {
    deflateEnd(stream)
    stream.deallocate()
  }

  /// Appends `message` to `output` as one gzip member. `message` must be smaller than 4 GiB.
  public mutating func deflate(_ message: Span<UInt8>, into output: inout ByteBuffer) {
    let reset = deflateReset(stream)
    precondition(reset == Z_OK && message.count <= Int(UInt32.max))
    let bound = Int(deflateBound(stream, UInt(message.count)))
    message.withUnsafeBufferPointer { source in
      _ = output.appendUninitialized(minimumCapacity: bound) { target in
        // Safety: zlib reads `source` and never writes it (the C field only lacks a const). It writes at most `bound`
        // bytes, which `appendUninitialized` has reserved. Neither pointer is used after the call.
        stream.pointee.next_in = UnsafeMutablePointer(mutating: source.baseAddress)
        stream.pointee.avail_in = UInt32(source.count)
        stream.pointee.next_out = target.baseAddress.map { $0.assumingMemoryBound(to: UInt8.self) }
        stream.pointee.avail_out = UInt32(bound)
        let code = CEpoll.deflate(stream, Z_FINISH)
        precondition(code == Z_STREAM_END, "zlib: deflate within its own bound gave \(code)")
        return bound - Int(stream.pointee.avail_out)
      }
    }
    stream.pointee.next_in = nil
    stream.pointee.next_out = nil
  }

  /// Compresses `message` into one gzip member, with a deflater made for this call.
  public static func gzip(_ message: [UInt8], level: Int = 6) -> [UInt8] {
    var deflater = GzipDeflater(level: level)
    var output = ByteBuffer()
    deflater.deflate(message.span, into: &output)
    return output.withUnsafeBytes { Array($0) }
  }
}
