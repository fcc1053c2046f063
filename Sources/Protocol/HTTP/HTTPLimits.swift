/// What one HTTP message may cost us. Bytes are bytes on the wire; a message exactly at a limit is accepted.
public struct HTTPLimits: Sendable, Equatable {
  /// Start line, field lines and the empty line together, in bytes. Beyond: 431, or 414 within the request line.
  public var headBytes = 16 * 1024
  /// The request target, in bytes. Beyond: 414.
  public var targetBytes = 8 * 1024
  /// Field lines in a head, and in a trailer section. Beyond: 431.
  public var fieldCount = 100
  /// Body data in bytes, as received (compressed, without chunk framing). Beyond: 413, as early as the length is known.
  public var bodyBytes = 64 * 1024 * 1024
  /// Extensions of one chunk, in bytes after the size. Beyond: 400.
  public var chunkExtensionBytes = 256
  /// Chunk framing of one body may exceed its data by this many bytes (sizes, extensions, CRLFs). Beyond: 400.
  /// It bounds bodies of one-byte chunks, whose cost is in the events and not in the bytes.
  public var chunkOverheadBytes = 16 * 1024
  /// The trailer section with its empty line, in bytes. Beyond: 431.
  public var trailerBytes = 4 * 1024
  /// Client side: 1xx responses before the final one. Beyond: `.unexpectedStatus`.
  public var interimResponses = 8

  public init() {}
}
