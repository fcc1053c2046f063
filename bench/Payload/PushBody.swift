// The bytes of a push, made once and sent until they are acknowledged: the server knows a repeat by its content.

internal import Protocol

/// A push as it goes over the wire.
struct PushBody: Sendable {
  let wire: [UInt8]
  /// Before compression.
  let rawBytes: Int
  /// What the server will store of it.
  let rows: Int
}

/// How bodies are compressed.
enum Compression: Sendable, Equatable {
  case none
  /// Once for each template; a push fills in what differs. - Parameter level: 1 to 9.
  case prepared(level: Int)
  /// Anew for each push, as a collector would.
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
  /// As many as templates, or none.
  private let prepared: [PreparedBody]
  /// nil: bodies are sent as they are.
  private var deflater: GzipDeflater?
  private var raw = ByteBuffer()
  private var compressed = ByteBuffer()

  /// - Parameters:
  ///   - templates: not empty; a collector sends one after the other, each collector beginning elsewhere.
  ///   - hostnameBytes: the length of the hostnames for which bodies are prepared; others are compressed fresh.
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

  /// - Parameters:
  ///   - turn: which template to take, counted round.
  ///   - clock: of the collector; moves on.
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

  /// A push whose JSON ends with the wrong bracket: all of it must be read before that shows. It uses up no time.
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
