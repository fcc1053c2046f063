// Inflates with zlib, for comparison with the server's inflater.

import CEpoll.Zlib
import Protocol

/// zlib's inflate over whole gzip members, with 64 KiB of output per step, as the server would use it.
final class ZlibInflater {
  private let stream: UnsafeMutablePointer<z_stream>

  init() {
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    precondition(cepoll_gzip_inflate_init(stream) == Z_OK)
  }

  deinit {
    inflateEnd(stream)
    stream.deallocate()
  }

  func inflate(_ member: Span<UInt8>, into output: inout ByteBuffer) {
    precondition(inflateReset(stream) == Z_OK)
    member.withUnsafeBufferPointer { source in
      // Safety: zlib reads `source` and never writes it. It writes only the bytes that `appendUninitialized` reserved.
      stream.pointee.next_in = UnsafeMutablePointer(mutating: source.baseAddress)
      stream.pointee.avail_in = UInt32(source.count)
      var code = Z_OK
      while code == Z_OK {
        output.appendUninitialized(minimumCapacity: 64 * 1024) { target in
          stream.pointee.next_out = target.baseAddress?.assumingMemoryBound(to: UInt8.self)
          stream.pointee.avail_out = 64 * 1024
          code = CEpoll.inflate(stream, Z_NO_FLUSH)
          return 64 * 1024 - Int(stream.pointee.avail_out)
        }
      }
      precondition(code == Z_STREAM_END)
    }
  }
}
