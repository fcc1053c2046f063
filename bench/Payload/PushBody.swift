// Makes the bytes of pushes. A push is made once and sent unchanged until it is acknowledged, because the server
// recognises a repeat by its content.

internal import Protocol

/// The body of a push as it is sent.
struct PushBody: Sendable {
  let wire: [UInt8]
  /// The length before compression, in bytes.
  let rawBytes: Int
  /// The number of rows that the server will store.
  let rows: Int
}

/// The compression of bodies.
enum Compression: Sendable, Equatable {
  case none
  /// Each template is compressed once, and a push fills in its own values.
  /// - Parameter level: 1 to 9.
  case prepared(level: Int)
  /// Each push is compressed, as a collector does.
  case fresh(level: Int)

  var level: Int {
    switch self {
    case .none: 0
    case .prepared(let level), .fresh(let level): level
    }
  }
}

/// Makes the bodies of one loop's collectors. One deflater and one buffer serve them all.
struct PushPress: ~Copyable {
  private let templates: [PushTemplate]
  private let compression: Compression
  /// The prepared templates; empty if bodies are not prepared.
  private let prepared: [PreparedBody]
  /// The compressor; nil if bodies are not compressed.
  private var deflater: GzipDeflater?
  private var raw = ByteBuffer()
  private var compressed = ByteBuffer()

  /// - Parameters:
  ///   - templates: not empty. A collector sends them in turn, and each collector begins with another one.
  ///   - hostnameBytes: the length of the host names for which bodies are prepared. Bodies for other host names are
  ///     compressed one by one.
  init(templates: [PushTemplate], compression: Compression, hostnameBytes: Int = Hostname.bytes) {
    precondition(!templates.isEmpty)
    self.templates = templates
    self.compression = compression
    switch compression {
    case .none:
      deflater = nil
      prepared = []
    case .fresh(let level):
      deflater = GzipDeflater(level: level)
      prepared = []
    case .prepared(let level):
      deflater = GzipDeflater(level: level)
      prepared = templates.map { PreparedBody(template: $0, level: level, hostnameBytes: hostnameBytes) }
    }
  }

  /// Whether bodies need `Content-Encoding: gzip`.
  var isCompressing: Bool { compression != .none }

  /// Makes the next push of a collector.
  /// - Parameters:
  ///   - turn: the index of the template; it may exceed the number of templates.
  ///   - clock: the collector's clock, which advances.
  mutating func make(
    turn: Int, collector: UUID, hostname: String, now: Int64, clock: inout PushClock
  ) -> PushBody {
    let index = turn % templates.count
    let newest = clock.next(now: now, spanSeconds: templates[index].spanSeconds)
    if index < prepared.count, let wire = prepared[index].fill(collector: collector, hostname: hostname, newest: newest)
    {
      return PushBody(wire: wire, rawBytes: prepared[index].rawBytes, rows: templates[index].rows)
    }
    return fresh(templates[index], collector, hostname, newest, isBroken: false)
  }

  /// Makes a push whose JSON ends with the wrong bracket. The server has to read all of it before it can see that. The
  /// push uses up no timestamps.
  mutating func makeBroken(turn: Int, collector: UUID, hostname: String, now: Int64) -> PushBody {
    fresh(templates[turn % templates.count], collector, hostname, now, isBroken: true)
  }

  private mutating func fresh(
    _ template: PushTemplate, _ collector: UUID, _ hostname: String, _ newest: Int64, isBroken: Bool
  ) -> PushBody {
    raw.removeAll()
    template.append(collector: collector, hostname: hostname, newest: newest, to: &raw)
    if isBroken {
      raw.truncate(to: raw.count - 1)
      raw.append(UInt8(ascii: "]"))
    }
    let rawBytes = raw.count
    guard deflater != nil else {
      return PushBody(wire: raw.withUnsafeBytes { Array($0) }, rawBytes: rawBytes, rows: template.rows)
    }
    Self.compress(raw, &deflater, into: &compressed)
    return PushBody(wire: compressed.withUnsafeBytes { Array($0) }, rawBytes: rawBytes, rows: template.rows)
  }

  private static func compress(
    _ raw: borrowing ByteBuffer, _ deflater: inout GzipDeflater?, into compressed: inout ByteBuffer
  ) {
    compressed.removeAll()
    deflater!.deflate(raw.span, into: &compressed)
  }
}
