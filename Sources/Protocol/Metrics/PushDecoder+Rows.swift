// The rows of a metric. A row that cannot be stored is left out, and the other rows are kept.

extension PushDecoder {
  /// The id of the database to which a row of `table` belongs; nil if its rows belong to none, or if the database is
  /// not known.
  mutating func database(for table: Int) throws(DecodeFault) -> UInt64? {
    guard catalog.tables[table].hasDatabase else { return nil }
    if metric.isInDatabase { return try knownDatabase(for: table) }
    if case .id(let id) = metric.database { return id }
    metric.rowsWithoutDatabase += 1
    return nil
  }

  /// The id of the open database below `databases`; nil if that database has no name.
  func knownDatabase(for table: Int) throws(DecodeFault) -> UInt64? {
    if case .id(let id) = metric.openDatabase { return id }
    guard metric.isOpenDatabaseWhole else { throw .reject(.metricTooLarge) }
    return nil
  }

  /// Reads an element of an array of rows.
  /// - Returns: false if there are too few bytes.
  mutating func readRow(
    _ cursor: inout JSONCursor, isLast: Bool, _ rows: inout PushRows, _ known: inout KnownIDs
  ) throws(DecodeFault) -> Bool {
    guard cursor.peek == 0x7B else { return passRow(.wrongType) }
    switch try rowExtent(cursor, isLast: isLast) {
    case .starved: return false
    case .tooLarge: return beginOversizedRow()
    case .complete: break
    }
    try row.readRow(&cursor, table: frames.top.table, in: catalog, depth: frames.count, limits: limits)
    try storeRow(window: cursor.bytes, &rows, &known)
    frames.valueEnded()
    return true
  }

  /// Reads an element of an array of texts.
  /// - Returns: false if there are too few bytes.
  mutating func readTextRow(
    _ cursor: inout JSONCursor, isLast: Bool, _ rows: inout PushRows, _ known: inout KnownIDs
  ) throws(DecodeFault) -> Bool {
    guard cursor.peek == 0x22 else { return passRow(.wrongType) }
    switch try rowExtent(cursor, isLast: isLast) {
    case .starved: return false
    case .tooLarge: return beginOversizedRow()
    case .complete: break
    }
    try row.readTextRow(&cursor, textKind, depth: frames.count, limits: limits)
    try storeRow(window: cursor.bytes, &rows, &known)
    frames.valueEnded()
    return true
  }

  private var textKind: RowKey.Kind { catalog.rowKeys[catalog.tables[frames.top.table].firstKey].kind }

  /// Leaves out the row at the cursor, of whatever kind, and skips it.
  private mutating func passRow(_ code: RejectCode) -> Bool {
    rejectRow(code)
    beginSkip(JSONSkipper(outerDepth: frames.count, maximumDepth: limits.depth))
    return true
  }

  @inline(__always)
  private mutating func rowExtent(_ cursor: JSONCursor, isLast: Bool) throws(DecodeFault) -> Extent {
    if cursor.position < completeUntil { return .complete }
    var scan = JSONScan(findsMembers: false)
    return try extent(cursor, isLast: isLast, findingMembers: &scan)
  }

  /// Stores the row that was read, or leaves it out.
  private mutating func storeRow(
    window: Span<UInt8>, _ rows: inout PushRows, _ known: inout KnownIDs
  ) throws(DecodeFault) {
    let table = frames.top.table
    let plan = catalog.tables[table]
    if !row.alterations.isEmpty, let fault = row.fault(in: plan.identity) {
      return rejectRow(fault.code, slot: fault.slot)
    }
    let missing = ~row.present & plan.objectMask
    if missing != 0 { return rejectRow(.missingField, slot: missing.trailingZeroBitCount) }
    let database = try database(for: table)
    if database == nil, plan.hasDatabase, metric.isInDatabase { return rejectRow(.missingField) }
    encoder.encode(&row, table: table, in: catalog, database: database, window: window, &rows, &known)
    if !row.alterations.isEmpty { note(row.alterations, row: rowIndex) }
  }

  // MARK: rows that do not fit the window

  private mutating func beginOversizedRow() -> Bool {
    beginSkip(JSONSkipper(outerDepth: frames.count, maximumDepth: limits.depth))
    oversized = OversizedRow(limits: limits)
    oversizedBytes.removeAll()
    return true
  }

  /// Reads the kept bytes of an oversized row after its end.
  mutating func readOversizedRow(_ rows: inout PushRows, _ known: inout KnownIDs) throws(DecodeFault) {
    let isTooLarge = oversized?.isTooLarge ?? false
    oversized = nil
    var bytes = ByteBuffer()  // not in `self` while it is read
    swap(&bytes, &oversizedBytes)
    if isTooLarge {
      rejectRow(.rowTooLarge)
      return frames.valueEnded()
    }
    var cursor = JSONCursor(bytes.span)
    do throws(DecodeFault) {
      if frames.top.kind == .rows {
        try row.readRow(&cursor, table: frames.top.table, in: catalog, depth: frames.count, limits: limits)
      } else {
        try row.readTextRow(&cursor, textKind, depth: frames.count, limits: limits)
      }
      try storeRow(window: bytes.span, &rows, &known)
      frames.valueEnded()
    } catch {
      // The row's end has been passed, so the rest of the metric is skipped from behind it.
      frames.valueEnded()
      rejectMetric(try error.valueFault(), &rows)
    }
  }
}
