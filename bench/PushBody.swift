// The bytes of a push, made once and sent until they are acknowledged: the server knows a repeat by its content.

internal import Protocol

/// A push as it goes over the wire.
struct PushBody: Sendable {
  let wire: [UInt8]
  /// Before compression.
  let rawBytes: Int
}

/// Makes the bodies of one loop's collectors. One deflater and one buffer serve them all.
struct PushPress: ~Copyable {
  private let templates: [PushTemplate]
  /// nil: bodies are sent as they are.
  private var deflater: GzipDeflater?
  private var raw = ByteBuffer()
  private var compressed = ByteBuffer()

  /// - Parameters:
  ///   - templates: not empty; a collector sends one after the other, each collector beginning elsewhere.
  ///   - gzipLevel: 1 to 9, or 0 for no compression.
  init(templates: [PushTemplate], gzipLevel: Int) {
    precondition(!templates.isEmpty)
    self.templates = templates
    deflater = gzipLevel == 0 ? nil : GzipDeflater(level: gzipLevel)
  }

  /// Whether bodies need `Content-Encoding: gzip`.
  var isCompressing: Bool { deflater != nil }

  /// - Parameters:
  ///   - turn: which template to take, counted round.
  ///   - clock: of the collector; moves on.
  mutating func make(
    turn: Int, collector: UUID, hostname: String, now: Int64, clock: inout PushClock
  ) -> PushBody {
    let template = templates[turn % templates.count]
    let newest = clock.next(now: now, spanSeconds: template.spanSeconds)
    raw.removeAll()
    template.append(collector: collector, hostname: hostname, newest: newest, to: &raw)
    let rawBytes = raw.count
    guard deflater != nil else { return PushBody(wire: raw.withUnsafeBytes { Array($0) }, rawBytes: rawBytes) }
    Self.compress(raw, &deflater, into: &compressed)
    return PushBody(wire: compressed.withUnsafeBytes { Array($0) }, rawBytes: rawBytes)
  }

  private static func compress(
    _ raw: borrowing ByteBuffer, _ deflater: inout GzipDeflater?, into compressed: inout ByteBuffer
  ) {
    compressed.removeAll()
    deflater!.deflate(raw.span, into: &compressed)
  }
}
