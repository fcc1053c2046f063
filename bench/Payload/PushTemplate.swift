// A push that is parsed once and rendered as text with holes. Making a push from it only copies bytes and builds no
// JSON. The order of keys and all text outside the holes stay unchanged.

internal import Protocol

/// The reason why a file is no push.
enum PushTemplateError: Error, Equatable, Sendable {
  case notJSON(JSONValueError)
  case notAnObject
  /// No `metrics` array.
  case noMetrics
  case notGzip(InflateError)
}

/// A push body for any collector and any time.
struct PushTemplate: Sendable {
  /// A place in the text that is filled in for each push.
  enum Hole: Sendable, Equatable {
    case collectorID
    case hostname
    /// A timestamp, `age` seconds before the newest one of the push.
    case time(age: Int64)
  }

  /// The text without the holes. There is a hole behind each of the positions `end`, and text behind the last hole.
  let text: [UInt8]
  let holes: [(end: Int, hole: Hole)]
  let metricsCount: Int
  /// The number of rows that a server stores of one push, by the declarations of the metrics; 0 if it must refuse the
  /// push.
  let rows: Int
  /// The difference between the oldest and the newest metric, in seconds. The timestamps of two pushes must not
  /// overlap.
  let spanSeconds: Int64

  private static let parsingLimits = JSONValueLimits(bytes: 256 << 20, depth: 64)

  /// - Parameter run: the value of a member `bench_run` of the first metric, by which pushes of different runs differ;
  ///   nil for no such member. (A server knows a push by its metrics. What lies around them does not tell pushes apart.)
  init(json: Span<UInt8>, run: String? = nil) throws(PushTemplateError) {
    let parsed: JSONValue
    do { parsed = try JSONValue.parse(json, limits: Self.parsingLimits) } catch { throw .notJSON(error) }
    guard case .object(let push) = parsed else { throw .notAnObject }
    guard case .array(var metrics)? = push["metrics"] else { throw .noMetrics }
    if let run, case .object(var first)? = metrics.first {
      first["bench_run"] = .string(run)
      metrics[0] = .object(first)
    }
    let times = metrics.compactMap(Self.time)
    let newest = times.max() ?? 0
    var composer = Composer()
    composer.object(
      replacing: [("collector_id", .collectorID), ("hostname", .hostname), ("timestamp", .time(age: 0))], of: push
    ) { name, value, composer in
      guard name == "metrics" else { return composer.value(value) }
      composer.elements(metrics) { metric, composer in
        guard case .object(let object) = metric, let time = Self.time(metric) else { return composer.value(metric) }
        composer.object(replacing: [("timestamp", .time(age: newest - time))], of: object) { _, value, composer in
          composer.value(value)
        }
      }
    }
    text = composer.text.withUnsafeBytes { Array($0) }
    holes = composer.holes
    metricsCount = metrics.count
    rows = RowCount.of(push: json, times: times)
    spanSeconds = newest - (times.min() ?? newest)
  }

  /// - Parameter file: the bytes of a push body, plain or gzip.
  init(file: [UInt8], run: String? = nil) throws(PushTemplateError) {
    guard GzipInflater.looksLikeGzip(prefix: file.span) else {
      try self.init(json: file.span, run: run)
      return
    }
    var json = ByteBuffer()
    do throws(InflateError) {
      var inflater = GzipInflater(limits: InflateLimits(inflatedBytes: Self.parsingLimits.bytes, ratio: 10_000))
      var position = 0
      while true {
        let step = try inflater.inflate(file.span.extracting(position...), into: &json, atMost: 1 << 20)
        position += step.consumed
        if step.state == .finished { break }
        if step.state == .needsInput { try inflater.finish() }
      }
    } catch {
      throw .notGzip(error)
    }
    try self.init(json: json.span, run: run)
  }

  /// Appends the push of one collector.
  /// - Parameter newest: the timestamp of the newest metrics, in unix seconds.
  func append(collector: UUID, hostname: String, newest: Int64, to buffer: inout ByteBuffer) {
    buffer.reserve(text.count + holes.count * 22 + 64)
    var start = 0
    let span = text.span
    for (end, hole) in holes {
      buffer.append(span.extracting(start..<end))
      hole.append(collector: collector, hostname: hostname, newest: newest, to: &buffer)
      start = end
    }
    buffer.append(span.extracting(start...))
  }

  private static func time(_ metric: JSONValue) -> Int64? {
    guard case .object(let object) = metric, case .string(let text)? = object["timestamp"] else { return nil }
    // PostgreSQL writes a space instead of the T, and some collectors copy that.
    return RFC3339.unixMicroseconds(text.replacing(" ", with: "T", maxReplacements: 1)).map { $0 / 1_000_000 }
  }

  private struct Composer: ~Copyable {
    var text = ByteBuffer()
    var holes: [(end: Int, hole: Hole)] = []

    mutating func value(_ value: JSONValue) {
      var taken = ByteBuffer()
      swap(&taken, &text)
      var writer = JSONWriter(appendingTo: taken)
      writer.value(value)
      text = writer.finish()
    }

    /// Writes `object` with holes for the values of some members. Missing members are added.
    mutating func object(
      replacing holes: [(name: String, hole: Hole)], of object: JSONObject,
      _ other: (String, JSONValue, inout Composer) -> Void
    ) {
      var separator = UInt8(ascii: "{")
      for (name, hole) in holes where object[name] == nil {
        key(name, &separator)
        quoted(hole)
      }
      for member in object.members {
        key(member.name, &separator)
        if let hole = holes.first(where: { $0.name == member.name })?.hole {
          quoted(hole)
        } else {
          other(member.name, member.value, &self)
        }
      }
      text.append(UInt8(ascii: "}"))
    }

    mutating func elements(_ elements: [JSONValue], _ element: (JSONValue, inout Composer) -> Void) {
      text.append(UInt8(ascii: "["))
      for index in elements.indices {
        if index > 0 { text.append(UInt8(ascii: ",")) }
        element(elements[index], &self)
      }
      text.append(UInt8(ascii: "]"))
    }

    private mutating func key(_ name: String, _ separator: inout UInt8) {
      text.append(separator)
      separator = UInt8(ascii: ",")
      value(.string(name))
      text.append(UInt8(ascii: ":"))
    }

    private mutating func quoted(_ hole: Hole) {
      text.append(UInt8(ascii: "\""))
      holes.append((end: text.count, hole: hole))
      text.append(UInt8(ascii: "\""))
    }
  }
}

extension PushTemplate.Hole {
  /// Appends the text of the hole in one push.
  func append(collector: UUID, hostname: String, newest: Int64, to buffer: inout ByteBuffer) {
    switch self {
    case .collectorID: buffer.append(utf8: collector.description)
    case .hostname: buffer.append(utf8: hostname)
    case .time(let age): RFC3339.append(unixSeconds: newest - age, to: &buffer)
    }
  }

  /// The length of that text in UTF-8. It is the same in every push.
  func bytes(_ hostnameBytes: Int) -> Int {
    switch self {
    case .collectorID: 36
    case .hostname: hostnameBytes
    case .time: 20
    }
  }
}

/// Counts the rows that a server stores of a push, with the decoder that the server uses.
private enum RowCount {
  private static let catalog = CompiledCatalog()

  static func of(push: Span<UInt8>, times: [Int64]) -> Int {
    var decoder = PushDecoder(catalog: catalog)
    var rows = PushRows(catalog: catalog)
    var known = KnownIDs(capacity: 1024)
    let oldest = (times.min() ?? 0) - 1
    let newest = (times.max() ?? 0) + 1
    decoder.begin(serverID: 1, timeWindow: oldest * 1_000_000...newest * 1_000_000)
    do {
      _ = try decoder.consume(push, isLast: true, rows: &rows, known: &known)
      return decoder.summary.rows
    } catch {
      return 0  // because a push may be sent in order to be refused
    }
  }
}
