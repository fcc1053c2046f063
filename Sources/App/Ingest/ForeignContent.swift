// Identifies a body that is not JSON by its first bytes. Used only for a body that was refused.

import Protocol

/// A kind of content that clients send by mistake instead of JSON or gzip.
enum ForeignContent: String, Sendable, CaseIterable {
  case gzipTwice, zstd, zlib, bzip2, xz, lz4, byteOrderMark, utf16, utf32

  /// The number of bytes that identify every kind.
  static let prefixBytes = 4

  /// Identifies content by its first bytes.
  /// - Parameters:
  ///   - prefix: the first bytes of the body after gzip was undone, at most `prefixBytes`.
  ///   - isInflated: whether the body was gzip.
  /// - Returns: nil if the content is of no known kind.
  init?(_ prefix: [UInt8], isInflated: Bool) {
    func begins(_ bytes: UInt8...) -> Bool { prefix.starts(with: bytes) }
    if isInflated, begins(0x1F, 0x8B) {
      self = .gzipTwice
    } else if begins(0x28, 0xB5, 0x2F, 0xFD) {
      self = .zstd
    } else if begins(0x42, 0x5A, 0x68) {
      self = .bzip2
    } else if begins(0xFD, 0x37, 0x7A, 0x58) {
      self = .xz
    } else if begins(0x04, 0x22, 0x4D, 0x18) {
      self = .lz4
    } else if prefix.count >= 2, prefix[0] & 0x8F == 0x08, (Int(prefix[0]) << 8 | Int(prefix[1])) % 31 == 0 {
      self = .zlib  // RFC 1950 section 2.2: method 8, a window of at most 32 KiB, a checksum modulo 31
    } else if begins(0xEF, 0xBB, 0xBF) {
      self = .byteOrderMark
    } else if begins(0x00, 0x00, 0xFE, 0xFF) || begins(0xFF, 0xFE, 0x00, 0x00) || begins(0x00, 0x00, 0x00)
      || prefix.count == 4 && prefix[1...] == [0, 0, 0]
    {
      self = .utf32
    } else if begins(0xFE, 0xFF) || begins(0xFF, 0xFE) || begins(0x00)
      || prefix.count >= 2 && prefix[0] != 0 && prefix[1] == 0
    {
      self = .utf16
    } else {
      return nil
    }
  }

  var isCompressed: Bool {
    switch self {
    case .gzipTwice, .zstd, .zlib, .bzip2, .xz, .lz4: true
    case .byteOrderMark, .utf16, .utf32: false
    }
  }

  /// The sentence for the answer to the client.
  var sentence: String {
    switch self {
    case .gzipTwice: "the body is compressed by gzip twice: it is decompressed once"
    case .zstd, .bzip2, .xz, .lz4: "the body is \(rawValue): only gzip and plain JSON are accepted"
    case .zlib: "the body is zlib (deflate with the header of RFC 1950): only gzip and plain JSON are accepted"
    case .byteOrderMark: "the body begins with a byte order mark: JSON has none"
    case .utf16: "the body is UTF-16: JSON is UTF-8"
    case .utf32: "the body is UTF-32: JSON is UTF-8"
    }
  }
}
