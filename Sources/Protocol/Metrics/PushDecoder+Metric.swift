// The steps of one metric: found in the body, decoded by its type's declaration, stored or rejected.

/// The state of the metric that is being read.
struct MetricState {
  enum Database: Equatable {
    case unknown, null
    case id(UInt64)
  }

  /// The metric's position in `metrics`.
  var index = -1
  /// The type's index in the catalog; -1 until it is known.
  var type = -1
  /// Whether the metric's own `type` was read. Otherwise the type is inferred from the metric's arrays.
  var isTypeProven = false
  var unknownType = ""
  /// Whether the whole metric was scanned. A member that the scan did not find is then absent.
  var isWhole = false
  var database = Database.unknown
  var rowsWithoutDatabase = 0
  /// The table of the metric's scalars, and of the open database's scalars; -1 until one occurs.
  var headerTable = -1
  var databaseHeaderTable = -1
  /// Whether a database below `databases` is open, and which one.
  var isInDatabase = false
  var openDatabase = Database.unknown
  /// Whether the whole open database was scanned for its name.
  var isOpenDatabaseWhole = false
}

extension PushDecoder {
  /// Reads an element of `metrics`.
  /// - Returns: false if there are too few bytes.
  mutating func readMetric(
    _ cursor: inout JSONCursor, isLast: Bool, _ rows: inout PushRows, _ known: inout KnownIDs
  ) throws(DecodeFault) -> Bool {
    if !isScanning {
      guard report.metricsReceived < limits.metrics else { throw .envelope(.tooManyMetrics) }
      metricBegins(cursor)
      metric = MetricState(index: metric.index + 1)
      report.metricsReceived += 1
      metricHeader.removeAll()
      leftovers.removeAll()
      encoder.beginMetric(&rows)
      markReport()
      guard cursor.peek == 0x7B else { throw .reject(.notAnObject) }
    }
    var scan = JSONScan(findsMembers: true)
    switch try extent(cursor, isLast: isLast, findingMembers: &scan) {
    case .starved: return false
    case .complete: metric.isWhole = true
    case .tooLarge: metric.isWhole = false
    }
    guard try beginMetric(&cursor, scan, &rows, &known) else {
      metricPassed(cursor, &rows)
      return true
    }
    let level = catalog.types[metric.type].level
    cursor.position += 1
    frames.push(MetricFrame(.metric, level: level))
    return true
  }

  /// Begins the metric with the members that the scan found.
  /// - Returns: whether the metric is to be read field by field. A metric of an unknown type has then been read.
  private mutating func beginMetric(
    _ cursor: inout JSONCursor, _ scan: JSONScan, _ rows: inout PushRows, _ known: inout KnownIDs
  ) throws(DecodeFault) -> Bool {
    let start = cursor.position
    if let type = scan.type.text(from: start) {
      try decode(type, cursor)
      if let found = catalog.type(named: scratch.span) {
        metric.type = found
        metric.isTypeProven = true
      } else {
        metric.unknownType = scratch.withUnsafeBytes { String(decoding: $0.prefix(64), as: UTF8.self) }
      }
    } else if metric.isWhole {
      throw .reject(.missingType)
    } else if let inferred = inferredType(cursor) {
      metric.type = inferred
    }
    if metric.type < 0, !metric.isWhole { throw .reject(.metricTooLarge) }
    if let timestamp = scan.timestamp.text(from: start) { try setTime(timestamp, cursor, &rows) }
    if metric.type < 0 {
      guard encoder.time != nil else { throw .reject(.missingTimestamp) }
      if try readUnknownValue(&cursor) {
        leftovers.append(mendedValue)
      } else {
        leftovers.append(cursor.bytes.extracting(start..<cursor.position))
      }
      encoder.encodeUnknown(type: scratch, payload: leftovers, &rows)
      metricEnded(&rows)
      frames.valueEnded()
      return false
    }
    if catalog.types[metric.type].hasDatabase, let database = scan.database.text(from: start) {
      metric.database = .id(databaseID(database, cursor, member: "database", &rows, &known))
    }
    return true
  }

  /// Decodes a text of the metric into `scratch`.
  private mutating func decode(_ text: JSONText, _ cursor: JSONCursor) throws(DecodeFault) {
    guard text.count <= limits.stringBytes else { throw .reject(.stringTooLong) }
    scratch.removeAll()
    try cursor.decode(text, into: &scratch)
  }

  /// Checks the metric's time and passes it to the rows.
  mutating func setTime(_ text: JSONText, _ cursor: JSONCursor, _ rows: inout PushRows) throws(DecodeFault) {
    if text.count == 0 { return }
    let time: Int64?
    if text.isEscaped {
      var decoded = ByteBuffer()
      try cursor.decode(text, into: &decoded)
      time = PostgresTimestamp.parse(decoded.span)
    } else {
      time = PostgresTimestamp.parse(cursor.bytes.extracting(text.range))
    }
    guard let time else { throw .reject(.badTimestamp) }
    if report.firstTime == nil { report.firstTime = time }
    if time < timeWindow.lowerBound { throw .reject(.tooOld) }
    if time > timeWindow.upperBound { throw .reject(.tooNew) }
    encoder.setTime(time, &rows)
  }

  /// The id of a database's name.
  /// - Parameter member: the key of the name, if the name is not the value that is being read.
  mutating func databaseID(
    _ text: JSONText, _ cursor: JSONCursor, member: String = "", _ rows: inout PushRows, _ known: inout KnownIDs
  ) -> UInt64 {
    if let fault = text.count > limits.stringBytes ? .stringTooLong : cursor.fault(of: text) {
      note(fault, .mended, member: member)
    }
    scratch.removeAll()
    cursor.decodeMended(text, limit: limits.stringBytes, into: &scratch)
    return encoder.textID(scratch, &rows, &known)
  }

  /// Reads an undeclared value.
  /// - Returns: whether the value had to be mended. It is then in `mendedValue`.
  mutating func readUnknownValue(_ cursor: inout JSONCursor) throws(DecodeFault) -> Bool {
    let start = cursor.position
    do throws(DecodeFault) {
      try cursor.skipValue(depth: frames.count, maximumDepth: limits.depth, storable: true)
      return false
    } catch { _ = try error.valueFault() }
    cursor.position = start
    mendedValue.removeAll()
    let mending = try cursor.appendMendedValue(depth: frames.count, maximumDepth: limits.depth, into: &mendedValue)
    if let code = mending.first { note(code, mending.hasMendedText ? .mended : .null) }
    return true
  }

  /// Ends the metric at its closing brace.
  mutating func finishMetric(
    _ cursor: JSONCursor, _ rows: inout PushRows, _ known: inout KnownIDs
  ) throws(DecodeFault) {
    guard metric.isTypeProven else { throw .reject(.missingType) }
    guard encoder.time != nil else { throw .reject(.missingTimestamp) }
    if metric.headerTable >= 0 {
      let table = metric.headerTable
      let database = try database(for: table)
      encoder.beginList()
      encoder.encode(&metricHeader, table: table, in: catalog, database: database, window: cursor.bytes, &rows, &known)
    }
    closeLeftovers()
    if !leftovers.isEmpty {
      scratch.removeAll()
      scratch.append(utf8: catalog.typeNames[metric.type])
      encoder.encodeUnknown(type: scratch, payload: leftovers, &rows)
    }
    metricEnded(&rows)
  }

  private mutating func metricEnded(_ rows: inout PushRows) {
    encoder.finishMetric(&rows)
    report.metricsStored += 1
  }

  /// Rejects the metric: drops its rows and skips the rest of it.
  mutating func rejectMetric(_ code: RejectCode, _ rows: inout PushRows) {
    report.rejectedTotal += 1
    report.rejectedByCode[code, default: 0] += 1
    rollBackReport()
    if report.rejected.count < limits.reportedRejects {
      report.rejected.append(
        RejectedMetric(index: metric.index, row: nil, type: reportedType, code: code, path: faultPath()))
    }
    encoder.rollBack(&rows)
    let outer = 2  // the envelope and `metrics`
    let entry: JSONSkipper.Entry =
      switch frames.top.phase {
      case .first: frames.count == outer ? .value : frames.top.kind.isObject ? .memberOrEnd : .elementOrEnd
      case .key: .member
      case .colon: .colon
      case .value: .value
      case .next: .next
      }
    var skipper = JSONSkipper(outerDepth: outer, maximumDepth: limits.depth, at: entry)
    for index in outer..<frames.count { skipper.enter(isObject: frames[index].kind.isObject) }
    frames.truncate(to: outer)
    beginSkip(skipper)
  }

  // MARK: the type of a metric that does not fit the window

  /// The type of the first array that belongs to one type only, if it lies within a window.
  private func inferredType(_ cursor: JSONCursor) -> Int? {
    var reader = JSONCursor(
      cursor.bytes.extracting(0..<min(cursor.bytes.count, cursor.position + limits.windowBytes)), at: cursor.position)
    // On a defect, or at the end of the window, there is no type. The reader of the metric then reports the defect.
    do throws(DecodeFault) { return try inferType(&reader, inDatabases: false) } catch { return nil }
  }

  /// Reads the object at the cursor up to the first key that determines the type.
  private func inferType(_ reader: inout JSONCursor, inDatabases: Bool) throws(DecodeFault) -> Int? {
    reader.position += 1
    reader.skipWhitespace()
    while reader.peek != 0x7D {
      let key = try reader.text()
      reader.skipWhitespace()
      try reader.expect(0x3A)
      reader.skipWhitespace()
      if reader.peek == 0x7B || reader.peek == 0x5B {
        let name = reader.bytes.extracting(key.range)
        if !key.isEscaped, let type = catalog.type(withContainer: name, inDatabases: inDatabases) { return type }
        if !inDatabases, reader.equals(key, "databases") {
          if let type = try inferTypeInDatabases(&reader) { return type }
        } else {
          try reader.skipValue(depth: 0, maximumDepth: limits.depth, storable: false)
        }
      } else {
        try reader.skipValue(depth: 0, maximumDepth: limits.depth, storable: false)
      }
      reader.skipWhitespace()
      if reader.peek == 0x2C {
        reader.position += 1
        reader.skipWhitespace()
      } else if reader.peek != 0x7D {
        throw reader.unexpected()
      }
    }
    reader.position += 1
    return nil
  }

  private func inferTypeInDatabases(_ reader: inout JSONCursor) throws(DecodeFault) -> Int? {
    let isObject = reader.peek == 0x7B
    reader.position += 1
    reader.skipWhitespace()
    while reader.peek != (isObject ? 0x7D : 0x5D) {
      if isObject {
        _ = try reader.text()
        reader.skipWhitespace()
        try reader.expect(0x3A)
        reader.skipWhitespace()
      }
      if reader.peek == 0x7B {
        if let type = try inferType(&reader, inDatabases: true) { return type }
      } else {
        try reader.skipValue(depth: 0, maximumDepth: limits.depth, storable: false)
      }
      reader.skipWhitespace()
      if reader.peek == 0x2C {
        reader.position += 1
        reader.skipWhitespace()
      }
    }
    reader.position += 1
    return nil
  }
}
