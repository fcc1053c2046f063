// The fields of a metric. Each is read by the rule that its type declares.

extension PushDecoder {
  /// The field of the open object that a key names.
  mutating func metricField(_ cursor: JSONCursor, _ key: JSONText) throws(DecodeFault) -> MetricFrame.Field {
    let top = frames.top
    let fault = cursor.fault(of: key)
    if top.kind != .databasesObject {
      let found: Int?
      if fault != nil {
        found = nil
      } else if key.isEscaped {
        scratch.removeAll()
        try cursor.decode(key, into: &scratch)
        found = catalog.field(in: top.level, named: scratch.span)
      } else {
        found = catalog.field(in: top.level, named: cursor.bytes.extracting(key.range))
      }
      // A database below `databases` has its name either as key or as field. If the name is the key, a field `database`
      // counts as unknown.
      let isNamedByKey = top.kind == .database && frames[frames.count - 2].kind == .databasesObject
      if let found, !(isNamedByKey && catalog.fields[found].rule == .database) {
        let bit: UInt64 = 1 << UInt64(found - catalog.levels[top.level].fields.start)
        frames.top.field = .known(found)
        switch catalog.fields[found].rule {
        case .column, .ignored: break  // a column that occurs twice has no value, see `RowValues`
        case .type, .timestamp, .database, .nested, .rows, .texts, .databases:
          guard top.seen & bit == 0 else { throw .reject(.duplicateKey) }
        }
        frames.top.seen |= bit
        return .known(found)
      }
    }
    unknownKey.removeAll()
    if let fault {
      cursor.appendMended(key, limit: limits.keyBytes, into: &unknownKey)
      frames.top.field = .unknown
      note(fault, .mended)
    } else {
      unknownKey.append(cursor.bytes.extracting(key.range))
    }
    return .unknown
  }

  /// Reads the value of a field.
  /// - Returns: false if there are too few bytes; likewise below.
  mutating func readField(
    _ cursor: inout JSONCursor, isLast: Bool, _ rows: inout PushRows, _ known: inout KnownIDs
  ) throws(DecodeFault) -> Bool {
    guard case .known(let index) = frames.top.field else {
      return try readLeftover(&cursor, isLast: isLast)
    }
    let field = catalog.fields[index]
    let first = cursor.peek
    switch field.rule {
    case .nested where first == 0x7B: try open(&cursor, MetricFrame(.nested, level: field.level))
    case .rows where first == 0x5B: try openList(&cursor, MetricFrame(.rows, table: field.table))
    case .texts where first == 0x5B: try openList(&cursor, MetricFrame(.texts, table: field.table))
    case .databases where first == 0x7B: try open(&cursor, MetricFrame(.databasesObject, level: field.level))
    case .databases where first == 0x5B: try open(&cursor, MetricFrame(.databasesArray, level: field.level))
    case .nested, .rows, .texts, .databases:
      guard first == 0x6E else { throw .reject(.wrongType) }
      guard try readNull(&cursor, isLast: isLast) else { return false }
    case .ignored: beginSkip(JSONSkipper(outerDepth: frames.count, maximumDepth: limits.depth))
    case .type, .timestamp, .database, .column:
      guard try isComplete(cursor, isLast: isLast) else { return false }
      try readScalarField(&cursor, field, &rows, &known)
      frames.valueEnded()
    }
    return true
  }

  /// Reads the value of an undeclared key.
  private mutating func readLeftover(_ cursor: inout JSONCursor, isLast: Bool) throws(DecodeFault) -> Bool {
    var scan = JSONScan(findsMembers: false)
    switch try extent(cursor, isLast: isLast, findingMembers: &scan) {
    case .starved: return false
    case .tooLarge:
      note(.valueTooLarge, .null)
      beginSkip(JSONSkipper(outerDepth: frames.count, maximumDepth: limits.depth))
      return true
    case .complete: break
    }
    let start = cursor.position
    if try readUnknownValue(&cursor) {
      var value = ByteBuffer()  // not in `self` while it is read
      swap(&value, &mendedValue)
      try appendLeftover(value.span)
      swap(&value, &mendedValue)
    } else {
      try appendLeftover(cursor.bytes.extracting(start..<cursor.position))
    }
    frames.valueEnded()
    return true
  }

  private mutating func open(_ cursor: inout JSONCursor, _ frame: MetricFrame) throws(DecodeFault) {
    guard frames.count < limits.depth else { throw .malformed(.tooDeep, at: cursor.position) }
    cursor.position += 1
    frames.push(frame)
  }

  private mutating func openList(_ cursor: inout JSONCursor, _ frame: MetricFrame) throws(DecodeFault) {
    try open(&cursor, frame)
    encoder.beginList()
  }

  private mutating func readNull(_ cursor: inout JSONCursor, isLast: Bool) throws(DecodeFault) -> Bool {
    guard try isComplete(cursor, isLast: isLast) else { return false }
    try cursor.expectNull()
    frames.valueEnded()
    return true
  }

  private mutating func readScalarField(
    _ cursor: inout JSONCursor, _ field: FieldPlan, _ rows: inout PushRows, _ known: inout KnownIDs
  ) throws(DecodeFault) {
    switch field.rule {
    case .type:
      guard cursor.peek == 0x22 else { throw .reject(.missingType) }
      let text = try cursor.text()
      if metric.isTypeProven { return }
      scratch.removeAll()
      try cursor.decode(text, into: &scratch)
      guard catalog.type(named: scratch.span) == metric.type else { throw .reject(.metricTooLarge) }
      metric.isTypeProven = true
    case .timestamp:
      guard let text = try optionalText(&cursor) else { return }
      if encoder.time == nil { try setTime(text, cursor, &rows) }
    case .database:
      if metric.isInDatabase, cursor.peek != 0x22, cursor.peek != 0x6E {
        try cursor.skipValue(depth: frames.count, maximumDepth: limits.depth, storable: false)
        return note(.wrongType, .null)  // the database of its rows is then unknown
      }
      guard let text = try optionalText(&cursor) else { return }
      if metric.isInDatabase {
        if metric.openDatabase == .unknown { metric.openDatabase = .id(databaseID(text, cursor, &rows, &known)) }
      } else if metric.database == .unknown {
        if metric.rowsWithoutDatabase > 0 { throw .reject(.metricTooLarge) }
        metric.database = .id(databaseID(text, cursor, &rows, &known))
      }
    case .column:
      let kind = catalog.rowKeys[catalog.tables[field.table].firstKey + field.slot].kind
      if metric.isInDatabase {
        metric.databaseHeaderTable = field.table
        try databaseHeader.readScalar(&cursor, kind, slot: field.slot, depth: frames.count, limits: limits)
        if !databaseHeader.alterations.isEmpty {
          note(databaseHeader.alterations, row: nil)
          databaseHeader.removeAlterations()
        }
      } else {
        metric.headerTable = field.table
        try metricHeader.readScalar(&cursor, kind, slot: field.slot, depth: frames.count, limits: limits)
        if !metricHeader.alterations.isEmpty {
          note(metricHeader.alterations, row: nil)
          metricHeader.removeAlterations()
        }
      }
    case .ignored: preconditionFailure("an ignored field is skipped, not read")
    case .nested, .rows, .texts, .databases: preconditionFailure("containers are opened, not read")
    }
  }

  /// Reads a text or `null`.
  /// - Returns: nil for `null`.
  private func optionalText(_ cursor: inout JSONCursor) throws(DecodeFault) -> JSONText? {
    if cursor.peek == 0x6E {
      try cursor.expectNull()
      return nil
    }
    guard cursor.peek == 0x22 else { throw .reject(.wrongType) }
    return try cursor.text()
  }

  // MARK: databases

  /// Reads a value below `databases`.
  mutating func readDatabase(
    _ cursor: inout JSONCursor, isLast: Bool, _ rows: inout PushRows, _ known: inout KnownIDs
  ) throws(DecodeFault) -> Bool {
    let isNamedByKey = frames.top.kind == .databasesObject
    if cursor.peek == 0x6E, isNamedByKey { return try readNull(&cursor, isLast: isLast) }
    guard cursor.peek == 0x7B else {
      note(.wrongType, .null)
      beginSkip(JSONSkipper(outerDepth: frames.count, maximumDepth: limits.depth))
      return true
    }
    var database = MetricState.Database.unknown
    if isNamedByKey {
      swap(&databaseKey, &unknownKey)
      try Self.decode(key: databaseKey, into: &scratch)
      database = .id(encoder.textID(scratch, &rows, &known))
      metric.isOpenDatabaseWhole = true
    } else {
      var scan = JSONScan(findsMembers: true)
      switch try extent(cursor, isLast: isLast, findingMembers: &scan) {
      case .starved: return false
      case .complete: metric.isOpenDatabaseWhole = true
      case .tooLarge: metric.isOpenDatabaseWhole = false
      }
      databaseKey.removeAll()
      if let text = scan.database.text(from: cursor.position) {
        database = .id(databaseID(text, cursor, member: "database", &rows, &known))
        cursor.appendMended(text, limit: limits.stringBytes, into: &databaseKey)
      }
    }
    let level = frames.top.level
    try open(&cursor, MetricFrame(.database, level: level))
    metric.openDatabase = database
    metric.isInDatabase = true
    metric.databaseHeaderTable = -1
    databaseHeader.removeAll()
    return true
  }

  private static func decode(key: borrowing ByteBuffer, into target: inout ByteBuffer) throws(DecodeFault) {
    target.removeAll()
    let text = JSONText(start: 0, end: key.count, isEscaped: true, isWide: false)  // the key has been checked before
    try JSONCursor(key.span).decode(text, into: &target)
  }

  /// Call it at the closing brace of a database.
  mutating func finishDatabase(
    _ cursor: JSONCursor, _ rows: inout PushRows, _ known: inout KnownIDs
  ) throws(DecodeFault) {
    if metric.databaseHeaderTable >= 0 {
      let table = metric.databaseHeaderTable
      if let database = try knownDatabase(for: table) {
        encoder.beginList()
        encoder.encode(
          &databaseHeader, table: table, in: catalog, database: database, window: cursor.bytes, &rows, &known)
      } else {
        rejectRow(.missingField)
      }
    }
    closeLeftovers()
    metric.isInDatabase = false
  }
}
