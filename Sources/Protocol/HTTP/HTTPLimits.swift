/// The limits of one HTTP message. Bytes are counted on the wire. A message exactly at a limit is accepted.
public struct HTTPLimits: Sendable, Equatable {
  /// The start line, the field lines and the empty line together, in bytes. A larger head is answered with 431, or 414
  /// if the request line exceeds it.
  public var headBytes = 16 * 1024
  /// The request target, in bytes. A longer one is answered with 414.
  public var targetBytes = 8 * 1024
  /// The number of field lines in a head, and in a trailer section. More of them are answered with 431.
  public var fieldCount = 100
  /// The body's data in bytes, as received: compressed, without chunk framing. A larger body is answered with 413 as
  /// soon as its length is known.
  public var bodyBytes = 64 * 1024 * 1024
  /// The extensions of one chunk: bytes after the size. More are answered with 400.
  public var chunkExtensionBytes = 256
  /// How many bytes of chunk framing (sizes, extensions, CRLFs) one body may have beyond the number of its data bytes.
  /// More are answered with 400. The limit bounds the number of tiny chunks, because each chunk costs an event.
  public var chunkOverheadBytes = 16 * 1024
  /// The trailer section with its empty line, in bytes. A larger one is answered with 431.
  public var trailerBytes = 4 * 1024
  /// Client side: the number of 1xx responses before the final one. More of them give `.unexpectedStatus`.
  public var interimResponses = 8

  /// The server's defaults.
  public init() {}
}
