// Turns values into tuples: gives texts and objects their ids, drops repeated rows, writes the fields.
//
// Ids are XXH64, so each process of pgAnalytics computes the same id without a look-up. The id of a text hashes its
// bytes. The id of an object hashes the table's name, then each part of the key, each with the hash before it as seed.

/// Encodes rows into a push's targets. It remembers the rows, texts and objects that the push has sent.
struct RowEncoder: ~Copyable {
  static var textSeed: UInt64 { 0x7067_616E_7465_7874 }  // "pgantext"
  static var objectSeed: UInt64 { 0x7067_616E_6F62_6A65 }  // "pganobje"

  /// The counts when a metric began.
  private struct Mark {
    var rowsStored = 0
    var rowsRepeated = 0
    var rowsAddedUp = 0
  }

  private(set) var serverID: Int32 = 0
  /// The metric's time. While it is nil, the metric's rows wait for it.
  private(set) var time: Int64?
  private(set) var rowsStored = 0
  private(set) var rowsRepeated = 0
  private(set) var rowsAddedUp = 0

  private let targets: (unknownMetrics: Int, texts: Int, objects: Int)
  private let logTarget: Int?
  /// The most lines that are kept of the end of a log list.
  private let logLines: Int
  private let retainedEntries: Int
  /// The hashes of this push's rows, and of those that the present metric added.
  private var stored = IDSet()
  private var storedByMetric: [UInt64] = []
  /// The texts and objects that this push has sent.
  private var sentNames = IDSet()
  private var mark = Mark()
  /// The identities in the list that is being read.
  private var places = ListPlaces()
  /// The number of log lines in this push so far.
  private var logLinesRead: UInt64 = 0
  /// The row to which the present row is added.
  private var addend: RowValues
  private var sum = ByteBuffer()
  private var objectName = ByteBuffer()
  private var placeText = ByteBuffer()

  init(catalog: borrowing CompiledCatalog, limits: PushLimits) {
    targets = (catalog.unknownMetricsTarget, catalog.textsTarget, catalog.objectsTarget)
    logTarget = catalog.logTarget
    logLines = limits.logLines
    retainedEntries = limits.retainedEntries
    addend = RowValues(catalog: catalog, copiesTexts: true)
  }

  var allocatedBytes: Int {
    stored.allocatedBytes + sentNames.allocatedBytes + storedByMetric.capacity * 8 + places.allocatedBytes
      + addend.allocatedBytes + sum.allocatedBytes
  }

  mutating func begin(serverID: Int32) {
    self.serverID = serverID
    stored.removeAll(keepingCapacityFor: retainedEntries)
    sentNames.removeAll(keepingCapacityFor: retainedEntries)
    storedByMetric.removeAll(keepingCapacity: storedByMetric.capacity <= retainedEntries)
    places.shrink(to: retainedEntries)
    rowsStored = 0
    rowsRepeated = 0
    rowsAddedUp = 0
    logLinesRead = 0
    time = nil
    mark = Mark()
  }

  /// Begins a list (an array's rows, or the one row of a metric's scalars). Rows are equal only within a list.
  mutating func beginList() { places.beginList() }

  mutating func beginMetric(_ rows: inout PushRows) {
    rows.mark()
    mark = Mark(rowsStored: rowsStored, rowsRepeated: rowsRepeated, rowsAddedUp: rowsAddedUp)
    storedByMetric.removeAll(keepingCapacity: true)
    time = nil
  }

  /// Sets the time of the metric's rows, including those that wait for it.
  mutating func setTime(_ time: Int64, _ rows: inout PushRows) {
    self.time = time
    rows.releaseHeld(time: time) { isRepeated($0, time) }
  }

  mutating func finishMetric(_ rows: inout PushRows) {
    if let logTarget {
      let repeated = rows.endLogList(in: logTarget, remembered: logLines)
      rowsStored -= repeated
      rowsRepeated += repeated
    }
    if let time, rowsStored > mark.rowsStored { rows.insertTime(time) }
  }

  /// Removes the metric's rows, ids and hashes.
  mutating func rollBack(_ rows: inout PushRows) {
    rows.rollBack { sentNames.remove($0) }
    for hash in storedByMetric { stored.remove(hash) }
    storedByMetric.removeAll(keepingCapacity: true)
    rowsStored = mark.rowsStored
    rowsRepeated = mark.rowsRepeated
    rowsAddedUp = mark.rowsAddedUp
  }

  /// Whether the row repeats a stored one. The row is counted as repeated or as stored.
  private mutating func isRepeated(_ hash: UInt64, _ time: Int64) -> Bool {
    let hash = StableHash.mix(hash, UInt64(bitPattern: time))
    if stored.insert(hash) {
      storedByMetric.append(hash)
      rowsStored += 1
      return false
    }
    rowsRepeated += 1
    return true
  }

  /// The id of a text. Its row is appended unless the database or this push has it.
  mutating func textID(_ text: Span<UInt8>, _ rows: inout PushRows, _ known: inout KnownIDs) -> UInt64 {
    let id = StableHash.xxh64(text, seed: Self.textSeed)
    if isNew(id, tag: 1, &rows, &known) {
      let serverID = serverID
      rows.appendTuple(to: targets.texts, fields: 3, atMost: 2 + 8 + 12 + 4 + text.count) { tuple in
        tuple.int4(serverID)
        tuple.eightBytes(id)
        tuple.text(text)
      }
    }
    return id
  }

  mutating func textID(_ text: borrowing ByteBuffer, _ rows: inout PushRows, _ known: inout KnownIDs) -> UInt64 {
    textID(text.span, &rows, &known)
  }

  /// Whether neither the database nor this push has the row of `id`. The caller then appends the row.
  @inline(__always)
  private mutating func isNew(
    _ id: UInt64, tag: UInt64, _ rows: inout PushRows, _ known: inout KnownIDs
  ) -> Bool {
    let key = StableHash.mix(id, UInt64(UInt32(bitPattern: serverID)) << 2 | tag)
    if known.contains(key) || !sentNames.insert(key) { return false }
    rows.appendPending(key)
    return true
  }

  /// Appends a row of `table`, unless it repeats a row of an earlier list, or adds it to an equal row of its list.
  /// - Precondition: the row has all parts of its object.
  mutating func encode(
    _ values: inout RowValues, table: Int, in catalog: borrowing CompiledCatalog, database: UInt64?,
    window: Span<UInt8>, _ rows: inout PushRows, _ known: inout KnownIDs
  ) {
    let plan = catalog.tables[table]
    let isLogLine = plan.equals == .logLines
    // The database stores digests of log lines, and a table's index depends on the version, so it is left out there.
    var hash = StableHash.mix(isLogLine ? 0 : UInt64(table), 0)
    if plan.hasDatabase { hash = mix(hash, database) }
    var object: UInt64 = 0
    if plan.hasObject {
      object = plan.objectSeed
      for slot in 0..<plan.objectCount { object = StableHash.xxh64(values.text(slot, window: window), seed: object) }
      hash = StableHash.mix(hash, object)
    }
    var interned = values.present & plan.interned
    while interned != 0 {
      let slot = interned.trailingZeroBitCount
      values.slots[slot].bits = textID(values.text(slot, window: window), &rows, &known)
      interned &= interned - 1
    }
    for index in plan.distinct.range {
      let slot = Int(catalog.distinctSlots[index])
      if values.present & (1 << UInt64(slot)) == 0 {
        hash = mix(hash, nil)
      } else if catalog.rowKeys[plan.firstKey + slot].kind == .text {
        hash = mix(hash, StableHash.xxh64(values.text(slot, window: window)))
      } else {
        hash = mix(hash, values.slots[slot].bits)
      }
    }
    let lineDigest = isLogLine && !values.extra.isEmpty ? mix(hash, StableHash.xxh64(values.extra.span)) : hash
    // Until the list has ended, each line counts as a different row.
    if isLogLine {
      hash = StableHash.mix(lineDigest, logLinesRead)
      logLinesRead += 1
    }
    let entry = places.add(hash)
    let place = places[entry].place
    if case .addedUp(let addition) = plan.equals {
      let addition = catalog.additions[addition]
      values.slots[addition.count].bits = 1
      values.present |= 1 << UInt64(addition.count)
      if place > 1 {
        rowsAddedUp += 1
        return add(&values, to: entry, addition, table, plan, catalog, database, object, window, &rows)
      }
    } else if place > 1 {
      hash = StableHash.mix(hash, UInt64(place))
    }
    if plan.hasObject {
      object = appendObject(
        object, place: plan.equals == .toldApartByPlace ? place : 1, values, plan, catalog, window, &rows, &known)
    }
    let bytes = Self.mostBytes(values, plan)
    let serverID = serverID
    let start = time == nil ? rows.heldBytes : rows.byteCount(of: table)
    if let time {
      if isRepeated(hash, time) { return }
      places[entry].offset = start
      rows.appendTuple(to: table, fields: plan.fieldCount, atMost: bytes) { tuple in
        Self.write(&tuple, values, plan, catalog, time, serverID, database, object, window)
      }
    } else {
      places[entry].offset = start
      rows.holdTuple(for: table, hash: hash, fields: plan.fieldCount, atMost: bytes) { tuple in
        Self.write(&tuple, values, plan, catalog, 0, serverID, database, object, window)
      }
    }
    if isLogLine {
      let end = time == nil ? rows.heldBytes : rows.byteCount(of: table)
      rows.appendLogLine(lineDigest, byteCount: end - start, database: database)
    }
  }

  private static func mostBytes(_ values: borrowing RowValues, _ plan: TablePlan) -> Int {
    plan.fixedBytes + values.textBytes + values.extra.count + 2
  }

  /// Adds the row to the first row of its list with the same identity, and writes the tuple of that row again.
  private mutating func add(
    _ values: inout RowValues, to entry: Int, _ addition: Addition, _ table: Int, _ plan: TablePlan,
    _ catalog: borrowing CompiledCatalog, _ database: UInt64?, _ object: UInt64, _ window: Span<UInt8>,
    _ rows: inout PushRows
  ) {
    let offset = places[entry].offset
    if offset < 0 { return }  // the first row repeats an earlier list, and so do the rows added to it
    let isHeld = time == nil
    let length = rows.withTuple(of: table, isHeld: isHeld, at: offset) { bytes in
      Self.read(bytes, into: &addend, plan, catalog)
    }
    addition.add(addend, to: &values, catalog.rowKeys[plan.firstKey..<plan.firstKey + plan.slotCount])
    sum.removeAll()
    let (serverID, time) = (serverID, time ?? 0)
    sum.appendUninitialized(minimumCapacity: Self.mostBytes(values, plan)) { memory in
      var tuple = CopyTupleWriter(memory, fields: plan.fieldCount)
      Self.write(&tuple, values, plan, catalog, time, serverID, database, object, window)
      return tuple.count
    }
    let distance = sum.count - length
    rows.replaceTuple(of: table, isHeld: isHeld, at: offset, length, with: sum.span)
    if distance != 0 { places.move(behind: offset, by: distance) }
  }

  @inline(__always)
  private func mix(_ hash: UInt64, _ value: UInt64?) -> UInt64 {
    guard let value else { return StableHash.mix(hash, 1) }
    return StableHash.mix(StableHash.mix(hash, 2), value)
  }

  private static func write(
    _ tuple: inout CopyTupleWriter, _ values: borrowing RowValues, _ plan: TablePlan,
    _ catalog: borrowing CompiledCatalog, _ time: Int64, _ serverID: Int32, _ database: UInt64?, _ object: UInt64,
    _ window: Span<UInt8>
  ) {
    tuple.eightBytes(UInt64(bitPattern: time))
    tuple.int4(serverID)
    if plan.hasDatabase {
      if let database { tuple.eightBytes(database) } else { tuple.null() }
    }
    if plan.hasObject { tuple.eightBytes(object) }
    let present = values.present
    for slot in plan.objectCount..<plan.slotCount {
      if present & (1 << UInt64(slot)) == 0 {
        tuple.null()
        if catalog.rowKeys[plan.firstKey + slot].kind == .numeric { tuple.null() }
        continue
      }
      switch catalog.rowKeys[plan.firstKey + slot].kind {
      case .int8, .float8, .timestamp, .interned, .made: tuple.eightBytes(values.slots[slot].bits)
      case .numeric:
        if values.slots[slot].isWide {
          tuple.null()
          tuple.numeric(values.slots[slot].wide)
        } else {
          tuple.eightBytes(values.slots[slot].bits)
          tuple.null()
        }
      case .bool: tuple.bool(values.slots[slot].bits != 0)
      case .text: tuple.text(values.text(slot, window: window))
      case .object: preconditionFailure("the object's keys come before the columns")
      }
    }
    if values.extra.isEmpty { tuple.null() } else { tuple.jsonbObject(inside: values.extra.span) }
  }

  /// Reads a tuple and returns its length in bytes. Other tuples may follow.
  private static func read(
    _ bytes: Span<UInt8>, into values: inout RowValues, _ plan: TablePlan, _ catalog: borrowing CompiledCatalog
  ) -> Int {
    var index = 2 + 12 + 8 + (plan.hasObject ? 12 : 0)
    func field() -> Range<Int>? {
      let length = Int(Int32(truncatingIfNeeded: integer(bytes, index, 4)))
      index += 4
      if length < 0 { return nil }
      index += length
      return index - length..<index
    }
    values.removeAll()
    if plan.hasDatabase { _ = field() }
    for slot in plan.objectCount..<plan.slotCount {
      let kind = catalog.rowKeys[plan.firstKey + slot].kind
      let place = field()
      let wide = kind == .numeric ? field() : nil
      guard place != nil || wide != nil else { continue }
      values.present |= 1 << UInt64(slot)
      switch (place, kind) {
      case (nil, _): if let wide { values.slots[slot].wide = CopyTupleWriter.numeric(bytes.extracting(wide)) }
      case (let place?, .text): values.setText(slot, bytes.extracting(place))
      case (let place?, _):
        values.slots[slot] = RowValues.Slot(bits: integer(bytes, place.lowerBound, place.count))
      }
    }
    // A jsonb object begins with its version and a brace, and ends with a brace.
    if let extra = field() { values.setExtra(bytes.extracting(extra.lowerBound + 2..<extra.upperBound - 1)) }
    return index
  }

  private static func integer(_ bytes: Span<UInt8>, _ start: Int, _ count: Int) -> UInt64 {
    var value: UInt64 = 0
    for index in start..<start + count { value = value << 8 | UInt64(bytes[index]) }
    return value
  }

  /// Appends the row of a row's object, unless the database or this push has it.
  /// - Parameters: - id: of the first object with this key. - place: among the objects with this key.
  /// - Returns: the id of the object at `place`.
  private mutating func appendObject(
    _ id: UInt64, place: UInt32, _ values: borrowing RowValues, _ plan: TablePlan,
    _ catalog: borrowing CompiledCatalog, _ window: Span<UInt8>, _ rows: inout PushRows, _ known: inout KnownIDs
  ) -> UInt64 {
    let id = ObjectName.id(id, place: place)
    guard isNew(id, tag: 2, &rows, &known) else { return id }
    var bytes = 0
    for slot in 0..<plan.objectCount { bytes += values.slots[slot].count }
    let parts = plan.objectCount
    objectName.removeAll()
    for slot in 0..<parts {
      if slot > 0 { objectName.append(UInt8(ascii: ".")) }
      ObjectName.append(values.text(slot, window: window), of: parts, to: &objectName)
    }
    placeText.removeAll()
    if place > 1 {
      placeText.append(utf8: String(place))
      objectName.append(UInt8(ascii: "#"))
      objectName.append(placeText)
    }
    let serverID = serverID
    let kind = catalog.names.span.extracting(plan.name.range)
    let elements = parts + (place > 1 ? 1 : 0)
    let keyBytes = bytes + placeText.count
    let most = 2 + 8 + 12 + (4 + kind.count) + (4 + objectName.count) + (4 + 20 + 4 * elements + keyBytes)
    rows.appendTuple(to: targets.objects, fields: 5, atMost: most) { tuple in
      tuple.int4(serverID)
      tuple.eightBytes(id)
      tuple.text(kind)
      tuple.text(objectName.span)
      tuple.textArray(count: elements, bytes: keyBytes)
      for slot in 0..<parts { tuple.text(values.text(slot, window: window)) }
      if place > 1 { tuple.text(placeText.span) }
    }
    return id
  }

  /// Appends a row to the catch-all table, unless it repeats one. - Precondition: the time is known.
  mutating func encodeUnknown(
    type: borrowing ByteBuffer, payload: borrowing ByteBuffer, _ rows: inout PushRows
  ) {
    guard let time else { preconditionFailure("a catch-all row without a time") }
    let seed = StableHash.xxh64(type.span, seed: UInt64(targets.unknownMetrics))
    let hash = StableHash.xxh64(payload.span, seed: seed)
    if isRepeated(hash, time) { return }
    let serverID = serverID
    let bytes = 2 + 12 + 8 + 4 + type.count + 5 + payload.count
    rows.appendTuple(to: targets.unknownMetrics, fields: 4, atMost: bytes) { tuple in
      tuple.eightBytes(UInt64(bitPattern: time))
      tuple.int4(serverID)
      tuple.text(type.span)
      tuple.jsonb(payload.span)
    }
  }
}

/// The ids under which texts are stored.
public enum TextID {
  /// The id in column `text_id` of `texts`, and in each column that refers to a text.
  public static func of(_ text: String) -> Int64 {
    Int64(bitPattern: StableHash.xxh64(Array(text.utf8).span, seed: RowEncoder.textSeed))
  }
}
