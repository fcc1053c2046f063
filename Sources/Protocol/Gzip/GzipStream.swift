// gzip of a body that is made piece by piece. The server compresses an answer of millions of rows while it sends it.

import CEpoll.Zlib

/// Compresses one body into one gzip member (RFC 1952). It holds about 260 kB of zlib state.
public struct GzipStream: ~Copyable {
  // zlib's state points back to the z_stream, so the z_stream must not move when this struct moves.
  private let stream: UnsafeMutablePointer<z_stream>

  /// Allocates the zlib state. Ends the process if there is no memory.
  /// - Parameter level: 1 (fastest) to 9 (smallest).
  public init(level: Int = 1) {
    precondition((1...9).contains(level))
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    let code = cepoll_gzip_deflate_init(stream, CInt(level))
    precondition(code == Z_OK, "zlib: deflateInit2 gave \(code): no memory, or the library is not the header's version")
  }

  deinit {
    deflateEnd(stream)
    stream.deallocate()
  }

  /// Compresses the next piece, which has less than 4 GiB.
  /// - Returns: the next part of the member. A reader can inflate everything up to and including `piece` from the parts
  ///   so far.
  public mutating func append(_ piece: [UInt8]) -> [UInt8] { deflate(piece, Z_SYNC_FLUSH) }

  /// Compresses the last piece. No call may follow.
  /// - Returns: the last part of the member.
  public mutating func finish(_ piece: [UInt8]) -> [UInt8] { deflate(piece, Z_FINISH) }

  private mutating func deflate(_ piece: [UInt8], _ flush: CInt) -> [UInt8] {
    var output = ByteBuffer()
    let room = 16 * 1024
    piece.withUnsafeBufferPointer { source in
      // Safety: zlib reads `source` and never writes it (the C field only lacks a const). It writes at most `room`
      // bytes, which `appendUninitialized` has reserved. Neither pointer is used after the call.
      stream.pointee.next_in = UnsafeMutablePointer(mutating: source.baseAddress)
      stream.pointee.avail_in = UInt32(source.count)
      var isFull = true
      while isFull {
        output.appendUninitialized(minimumCapacity: room) { target in
          stream.pointee.next_out = target.baseAddress.map { $0.assumingMemoryBound(to: UInt8.self) }
          stream.pointee.avail_out = UInt32(room)
          let code = CEpoll.deflate(stream, flush)
          // If zlib has nothing more to write it returns Z_BUF_ERROR; that is not an error here.
          precondition(code == Z_OK || code == Z_STREAM_END || code == Z_BUF_ERROR, "zlib: deflate gave \(code)")
          return room - Int(stream.pointee.avail_out)
        }
        isFull = stream.pointee.avail_out == 0
      }
    }
    stream.pointee.next_in = nil
    stream.pointee.next_out = nil
    return output.withUnsafeBytes { Array($0) }
  }
}
