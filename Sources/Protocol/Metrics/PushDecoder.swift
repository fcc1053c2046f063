// Turns a push's inflated body into binary COPY tuples.
//
// The caller keeps a window of the body and passes it to each call. The call returns how many bytes of the window are
// done; the caller drops them and appends the next bytes of the body.
//
// A metric that fits `PushLimits.windowBytes` is decoded when its end has arrived, because the stock collector sends a
// metric's `type` and `timestamp` last. A larger metric is decoded row by row: its type is inferred from the keys of
// its arrays and checked later, and its rows wait for their time. Only the body decides between the two ways, never the
// places at which the body was cut. Both ways give the same result.
//
// A step finishes and moves the cursor, or throws, or finds too few bytes and changes nothing. So a metric can be
// rejected in any step: a skip goes on from the step's first byte to the metric's end and checks the syntax.

/// Decodes pushes, one after the other. The caller calls `consume` for each piece of the body. After the first pushes
/// the decoder allocates nothing per row.
public struct PushDecoder: ~Copyable {
  let catalog: CompiledCatalog
  let limits: PushLimits
  /// The accepted times of metrics, in PostgreSQL's microseconds.
  private(set) var timeWindow: ClosedRange<Int64> = 0...0

  var frames = MetricFrames()
  var report = PushSummary()
  var encoder: RowEncoder
  var row: RowValues
  var metric = MetricState()
  /// The scalars of the metric, and of the open database inside it. Each gives one row.
  var metricHeader: RowValues
  var databaseHeader: RowValues
  var leftovers = ByteBuffer()
  /// An unknown key, and the name of the open database, with escapes as in the JSON.
  var unknownKey = ByteBuffer()
  var databaseKey = ByteBuffer()
  var scratch = ByteBuffer()
  /// An unknown value that had to be mended.
  var mendedValue = ByteBuffer()
  var reportMark = ReportMark()
  /// The state of a row that does not fit the window, and the bytes kept of it.
  var oversized: OversizedRow?
  var oversizedBytes = ByteBuffer()

  /// The bytes of the body before the window.
  private var offset = 0
  private var isFinished = false
  private var failure: PushError?
  var seenEnvelope: UInt8 = 0
  /// The field of the envelope that occurred twice.
  var duplicate = MetricFrame.Field.none
  private var skipper: JSONSkipper?
  /// The scan of a value whose end has not arrived. The value begins at the next step's first byte.
  private var scan: JSONScan?
  /// In the present window, each value that begins before this index also ends in the window.
  private(set) var completeUntil = 0
  private var hash = MetricHash()

  /// Makes a decoder.
  /// - Parameter catalog: compiled at start; all decoders share it.
  public init(catalog: CompiledCatalog, limits: PushLimits = PushLimits()) {
    precondition(limits.windowBytes >= 64 && limits.depth <= 64, "unusable limits")
    self.catalog = catalog
    var limits = limits
    limits.keyBytes = min(limits.keyBytes, limits.windowBytes - 2)  // a key and its quotes must fit the window
    self.limits = limits
    encoder = RowEncoder(catalog: catalog, limits: limits)
    row = RowValues(catalog: catalog, copiesTexts: false)
    metricHeader = RowValues(catalog: catalog, copiesTexts: true)
    databaseHeader = RowValues(catalog: catalog, copiesTexts: true)
  }

  /// Prepares for a new push. Memory is kept up to a bound.
  /// - Parameters:
  ///   - serverID: the monitored server's id in the rows.
  ///   - timeWindow: the accepted times of metrics, in microseconds since 1970.
  public mutating func begin(serverID: Int32, timeWindow: ClosedRange<Int64>) {
    func postgres(_ unix: Int64) -> Int64 {
      let (value, overflow) = unix.subtractingReportingOverflow(PostgresBinary.epochUnixMicroseconds)
      return overflow ? .min : value
    }
    self.timeWindow = postgres(timeWindow.lowerBound)...postgres(timeWindow.upperBound)
    frames.truncate(to: 0)
    report = PushSummary()
    encoder.begin(serverID: serverID)
    metric = MetricState()
    offset = 0
    isFinished = false
    failure = nil
    seenEnvelope = 0
    skipper = nil
    scan = nil
    oversized = nil
    hash.begin(serverID: serverID)
  }

  /// The envelope and the counts of what has been read. The counts are final after the last `consume`.
  public var summary: PushSummary {
    var summary = report
    summary.rows = encoder.rowsStored
    summary.rowsRepeated = encoder.rowsRepeated
    summary.rowsAddedUp = encoder.rowsAddedUp
    return summary
  }

  /// The digest that identifies all metrics read so far.
  public var identity: UUID { hash.last }

  /// Bytes of memory held, without the rows.
  public var allocatedBytes: Int {
    encoder.allocatedBytes + leftovers.allocatedBytes + scratch.allocatedBytes + unknownKey.allocatedBytes
      + databaseKey.allocatedBytes + oversizedBytes.allocatedBytes + row.allocatedBytes + metricHeader.allocatedBytes
      + databaseHeader.allocatedBytes
  }

  /// Reads on.
  /// - Parameters:
  ///   - window: the body from its first byte that is not done.
  ///   - isLast: whether the body ends with the window.
  ///   - rows: gets the tuples. The caller resets it before the first call of a push.
  ///   - known: the texts and objects that the database already has. The decoder only asks; it adds nothing.
  /// - Returns: how many bytes of the window are done. The caller shows the rest again with more bytes behind it.
  /// - Throws: if the whole push is refused. The rows must then not be used.
  public mutating func consume(
    _ window: Span<UInt8>, isLast: Bool, rows: inout PushRows, known: inout KnownIDs
  ) throws(PushError) -> Int {
    if let failure { throw failure }
    var cursor = JSONCursor(window)
    completeUntil = 0
    var start = 0
    do throws(DecodeFault) {
      var isStarved = false
      while !isStarved {
        if skipper == nil { cursor.skipWhitespace() }
        start = cursor.position
        do throws(DecodeFault) {
          isStarved = try !step(&cursor, isLast: isLast, &rows, &known)
        } catch {
          guard case .reject(let code) = error else { throw error }
          cursor.position = start
          rejectMetric(code, &rows)
        }
        if rows.encodedBytes > limits.encodedBytes { throw .envelope(.tooManyRows) }
      }
      if isLast, !isFinished { throw .malformed(.unexpectedEnd, at: window.count) }
    } catch {
      throw fail(error, start: start)
    }
    hash.windowEnds(window, at: cursor.position)
    offset += cursor.position
    return cursor.position
  }

  /// Call it when the next byte of the window is the first byte of an element of `metrics`.
  mutating func metricBegins(_ cursor: JSONCursor) {
    hash.metricBegins(at: cursor.position)
  }

  /// Call it when the byte before the cursor is the last byte of an element of `metrics`.
  mutating func metricPassed(_ cursor: JSONCursor, isRejected: Bool = false, _ rows: inout PushRows) {
    rows.endMetric(hash.metricEnds(in: cursor.bytes, at: cursor.position), isRejected: isRejected)
  }

  private mutating func fail(_ fault: DecodeFault, start: Int) -> PushError {
    let error =
      switch fault {
      case .malformed(let defect, let at):
        PushError(kind: .malformed(defect), offset: offset + at, path: pushPath())
      case .envelope(let envelope):
        PushError(kind: .envelope(envelope), offset: offset + start, path: envelopePath(envelope))
      case .reject: PushError(kind: .envelope(.badText), offset: offset + start, path: pushPath())
      }
    failure = error
    return error
  }

  /// - Returns: false if there are too few bytes for the next step.
  private mutating func step(
    _ cursor: inout JSONCursor, isLast: Bool, _ rows: inout PushRows, _ known: inout KnownIDs
  ) throws(DecodeFault) -> Bool {
    if skipper != nil { return try skip(&cursor, &rows, &known) }
    if cursor.isAtEnd { return false }
    let byte = cursor.peek
    if frames.count == 0 {
      if isFinished { throw .malformed(.trailingBytes, at: cursor.position) }
      guard byte == 0x7B else {
        // A value of another kind is a fault of the envelope. Any other byte is a fault of the syntax.
        let beginsValue = byte == 0x5B || byte == 0x22 || byte == 0x2D || byte &- 0x30 < 10
        if beginsValue || byte == 0x74 || byte == 0x66 || byte == 0x6E { throw .envelope(.notAnObject) }
        throw cursor.unexpected()
      }
      cursor.position += 1
      frames.push(MetricFrame(.root))
      return true
    }
    let top = frames.top
    let isObject = top.kind.isObject
    switch top.phase {
    case .first:
      if byte == (isObject ? 0x7D : 0x5D) { return try close(&cursor, &rows, &known) }
      return isObject ? try readKey(&cursor, isLast: isLast) : try readValue(&cursor, isLast: isLast, &rows, &known)
    case .key: return try readKey(&cursor, isLast: isLast)
    case .colon:
      try cursor.expect(0x3A)
      frames.top.phase = .value
      return true
    case .value: return try readValue(&cursor, isLast: isLast, &rows, &known)
    case .next:
      if byte == (isObject ? 0x7D : 0x5D) { return try close(&cursor, &rows, &known) }
      try cursor.expect(0x2C)
      frames.top.phase = isObject ? .key : .value
      if !isObject { frames.top.index += 1 }
      return true
    }
  }

  private mutating func skip(
    _ cursor: inout JSONCursor, _ rows: inout PushRows, _ known: inout KnownIDs
  ) throws(DecodeFault) -> Bool {
    let start = cursor.position
    // Safety: `step` calls this only if there is a skipper.
    cursor.position = try skipper!.advance(cursor.bytes, from: cursor.position)
    oversized?.keep(cursor.bytes.extracting(start..<cursor.position), in: &oversizedBytes)
    guard skipper!.isDone else { return false }  // Safety: as above
    skipper = nil
    if oversized == nil {
      frames.valueEnded()
      // Only rejected metrics are skipped.
      if frames.top.kind == .metrics { metricPassed(cursor, isRejected: true, &rows) }
    } else {
      try readOversizedRow(&rows, &known)
    }
    return true
  }

  /// Begins to skip the value at the next step's first byte, or the rest of an open one. Its bytes are dropped.
  mutating func beginSkip(_ skipper: JSONSkipper) {
    self.skipper = skipper
    scan = nil
    oversized = nil
  }

  /// Reads a key and sets `frames.top.field`.
  private mutating func readKey(_ cursor: inout JSONCursor, isLast: Bool) throws(DecodeFault) -> Bool {
    let key: JSONText
    let start = cursor.position
    do throws(DecodeFault) {
      key = try cursor.text()
    } catch {
      guard case .malformed(.unexpectedEnd, _) = error, !isLast else { throw error }
      guard cursor.bytes.count - start <= limits.keyBytes + 1 else { throw tooLong() }
      return false
    }
    guard key.count <= limits.keyBytes else { throw tooLong() }
    let field = frames.top.kind == .root ? try envelopeField(cursor, key) : try metricField(cursor, key)
    frames.top.field = field
    frames.top.phase = .colon
    return true
  }

  private func tooLong() -> DecodeFault { frames.count > 2 ? .reject(.stringTooLong) : .envelope(.tooLong) }

  private mutating func readValue(
    _ cursor: inout JSONCursor, isLast: Bool, _ rows: inout PushRows, _ known: inout KnownIDs
  ) throws(DecodeFault) -> Bool {
    switch frames.top.kind {
    case .root: return try readEnvelopeValue(&cursor, isLast: isLast)
    case .metrics: return try readMetric(&cursor, isLast: isLast, &rows, &known)
    case .metric, .nested, .database: return try readField(&cursor, isLast: isLast, &rows, &known)
    case .databasesObject, .databasesArray: return try readDatabase(&cursor, isLast: isLast, &rows, &known)
    case .rows: return try readRow(&cursor, isLast: isLast, &rows, &known)
    case .texts: return try readTextRow(&cursor, isLast: isLast, &rows, &known)
    }
  }

  private mutating func close(
    _ cursor: inout JSONCursor, _ rows: inout PushRows, _ known: inout KnownIDs
  ) throws(DecodeFault) -> Bool {
    let kind = frames.top.kind
    switch kind {
    case .root:
      if report.collectorID == nil { throw .envelope(.missingCollectorID) }
      if seenEnvelope & EnvelopeField.metrics.bit == 0 { throw .envelope(.missingMetrics) }
      isFinished = true
    case .metric: try finishMetric(cursor, &rows, &known)
    case .database: try finishDatabase(cursor, &rows, &known)
    case .nested: closeLeftovers()
    case .databasesObject, .databasesArray: closeLeftovers()
    case .metrics, .rows, .texts: break
    }
    cursor.position += 1
    frames.pop()
    frames.valueEnded()
    if kind == .metric { metricPassed(cursor, &rows) }
    return true
  }

  // MARK: values that must be there as a whole

  enum Extent { case complete, starved, tooLarge }

  /// Whether the value at the cursor lies wholly in the window.
  /// - Parameter scanned: gets the scan with the members that it looks for, unless the result is `starved`.
  mutating func extent(
    _ cursor: JSONCursor, isLast: Bool, findingMembers scanned: inout JSONScan
  ) throws(DecodeFault) -> Extent {
    let start = cursor.position
    var scan = self.scan ?? scanned
    self.scan = nil
    let reach = start + limits.windowBytes
    if scan.advance(cursor.bytes, from: start, to: min(cursor.bytes.count, reach)) {
      completeUntil = max(completeUntil, start + scan.length)
      scanned = scan
      return .complete
    }
    if cursor.bytes.count >= reach {
      scanned = scan
      return .tooLarge
    }
    if isLast {
      var checker = JSONSkipper(outerDepth: frames.count, maximumDepth: limits.depth)
      _ = try checker.advance(cursor.bytes, from: start)
      throw .malformed(.unexpectedEnd, at: cursor.bytes.count)
    }
    self.scan = scan
    return .starved
  }

  /// Whether a value of a metric lies wholly in the window.
  /// - Throws: if the value can never fit the window.
  @inline(__always)
  mutating func isComplete(_ cursor: JSONCursor, isLast: Bool) throws(DecodeFault) -> Bool {
    if cursor.position < completeUntil { return true }
    var scan = JSONScan(findsMembers: false)
    switch try extent(cursor, isLast: isLast, findingMembers: &scan) {
    case .complete: return true
    case .starved: return false
    case .tooLarge: throw frames.count > 2 ? .reject(.metricTooLarge) : .envelope(.tooLong)
    }
  }

  /// Whether a scan for the current step began in an earlier window.
  var isScanning: Bool { scan != nil }
}
