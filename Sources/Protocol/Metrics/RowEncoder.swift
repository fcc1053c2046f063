// From values to tuples: gives texts and objects their ids, drops repeats, writes the fields.
//
// Ids are XXH64, so that any server computes the same one without asking: of a text its bytes; of an object the table's
// name, then each part of the key, each hashed with the hash before it as seed (XXH64 takes the length in).

/// Encodes rows into a push's targets; remembers what the push has said already.
struct RowEncoder: ~Copyable {
  static var textSeed: UInt64 { 0x7067_616E_7465_7874 }  // "pgantext"
  static var objectSeed: UInt64 { 0x7067_616E_6F62_6A65 }  // "pganobje"

  /// How much was stored when a metric began.
  private struct Mark {
    var rowsStored = 0
    var rowsRepeated = 0
  }

  private(set) var serverID: Int32 = 0
  /// The metric's time; nil as long as it is not known, rows are held then.
  private(set) var time: Int64?
  private(set) var rowsStored = 0
  private(set) var rowsRepeated = 0

  private let targets: (unknownMetrics: Int, texts: Int, objects: Int)
  private let retainedEntries: Int
  /// Hashes of the rows of this push, and those of them that the present metric added.
  private var stored = IDSet()
  private var storedByMetric: [UInt64] = []
  /// Texts and objects that this push has told.
  private var told = IDSet()
  private var mark = Mark()

  init(catalog: borrowing CompiledCatalog, limits: PushLimits) {
    targets = (catalog.unknownMetricsTarget, catalog.textsTarget, catalog.objectsTarget)
    retainedEntries = limits.retainedEntries
  }

  var allocatedBytes: Int { stored.allocatedBytes + told.allocatedBytes + storedByMetric.capacity * 8 }

  mutating func begin(serverID: Int32) {
    self.serverID = serverID
    stored.removeAll(keepingCapacityFor: retainedEntries)
    told.removeAll(keepingCapacityFor: retainedEntries)
    storedByMetric.removeAll(keepingCapacity: storedByMetric.capacity <= retainedEntries)
    rowsStored = 0
    rowsRepeated = 0
    time = nil
    mark = Mark()
  }

  mutating func beginMetric(_ rows: inout PushRows) {
    rows.mark()
    mark = Mark(rowsStored: rowsStored, rowsRepeated: rowsRepeated)
    storedByMetric.removeAll(keepingCapacity: true)
    time = nil
  }

  /// From now on rows have this time; the held ones get it too.
  mutating func setTime(_ time: Int64, _ rows: inout PushRows) {
    self.time = time
    rows.releaseHeld(time: time) { isRepeated($0, time) }
  }

  mutating func finishMetric(_ rows: inout PushRows) {
    if let time, rowsStored > mark.rowsStored { rows.insertTime(time) }
  }

  /// Forgets the metric's rows, ids and repeats.
  mutating func rollBack(_ rows: inout PushRows) {
    rows.rollBack { told.remove($0) }
    for hash in storedByMetric { stored.remove(hash) }
    storedByMetric.removeAll(keepingCapacity: true)
    rowsStored = mark.rowsStored
    rowsRepeated = mark.rowsRepeated
  }

  /// Counts the row as a repeat or as stored.
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

  /// The id of a text, which is told to the database if need be.
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

  /// Whether nobody told the database about `id` before; then the caller does.
  @inline(__always)
  private mutating func isNew(
    _ id: UInt64, tag: UInt64, _ rows: inout PushRows, _ known: inout KnownIDs
  ) -> Bool {
    let key = StableHash.mix(id, UInt64(UInt32(bitPattern: serverID)) << 2 | tag)
    if known.contains(key) || !told.insert(key) { return false }
    rows.appendPending(key)
    return true
  }

  /// Appends a row of `table`, unless it repeats one.
  /// - Throws: `.reject(.missingField)` if a part of the object's key is not there; `values.faultSlot` names it.
  mutating func encode(
    _ values: inout RowValues, table: Int, in catalog: borrowing CompiledCatalog, database: UInt64?,
    window: Span<UInt8>, _ rows: inout PushRows, _ known: inout KnownIDs
  ) throws(DecodeFault) {
    let plan = catalog.tables[table]
    let objectMask: UInt64 = (1 << UInt64(plan.objectCount)) - 1
    if values.present & objectMask != objectMask {
      values.setFaultSlot((~values.present & objectMask).trailingZeroBitCount)
      throw .reject(.missingField)
    }
    var hash = StableHash.mix(UInt64(table), 0)
    if plan.hasDatabase { hash = mix(hash, database) }
    var object: UInt64 = 0
    if plan.hasObject {
      object = objectID(values, plan, in: catalog, window: window, &rows, &known)
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
    let bytes = plan.fixedBytes + values.textBytes + values.extra.count + 2
    let serverID = serverID
    if let time {
      if isRepeated(hash, time) { return }
      rows.appendTuple(to: table, fields: plan.fieldCount, atMost: bytes) { tuple in
        Self.write(&tuple, values, plan, catalog, time, serverID, database, object, window)
      }
    } else {
      rows.holdTuple(for: table, hash: hash, fields: plan.fieldCount, atMost: bytes) { tuple in
        Self.write(&tuple, values, plan, catalog, 0, serverID, database, object, window)
      }
    }
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
        continue
      }
      switch catalog.rowKeys[plan.firstKey + slot].kind {
      case .int8, .float8, .timestamp, .interned: tuple.eightBytes(values.slots[slot].bits)
      case .bool: tuple.bool(values.slots[slot].bits != 0)
      case .text: tuple.text(values.text(slot, window: window))
      case .object: preconditionFailure("the object's keys come before the columns")
      }
    }
    if values.extra.isEmpty { tuple.null() } else { tuple.jsonbObject(inside: values.extra.span) }
  }

  private mutating func objectID(
    _ values: borrowing RowValues, _ plan: TablePlan, in catalog: borrowing CompiledCatalog, window: Span<UInt8>,
    _ rows: inout PushRows, _ known: inout KnownIDs
  ) -> UInt64 {
    var id = plan.objectSeed
    for slot in 0..<plan.objectCount { id = StableHash.xxh64(values.text(slot, window: window), seed: id) }
    guard isNew(id, tag: 2, &rows, &known) else { return id }
    var bytes = 0
    for slot in 0..<plan.objectCount { bytes += values.slots[slot].count }
    let parts = plan.objectCount
    let serverID = serverID
    let kind = catalog.names.span.extracting(plan.name.range)
    let most = 2 + 8 + 12 + (4 + kind.count) + (4 + bytes + parts) + (4 + 20 + 4 * parts + bytes)
    rows.appendTuple(to: targets.objects, fields: 5, atMost: most) { tuple in
      tuple.int4(serverID)
      tuple.eightBytes(id)
      tuple.text(kind)
      tuple.textHeader(bytes + parts - 1)
      for slot in 0..<parts {
        if slot > 0 { tuple.dot() }
        tuple.raw(values.text(slot, window: window))
      }
      tuple.textArray(count: parts, bytes: bytes)
      for slot in 0..<parts { tuple.text(values.text(slot, window: window)) }
    }
    return id
  }

  /// Appends a row to the catch-all table, unless the same metric was there. - Precondition: the time is known.
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
  /// As in column `text_id` of `texts`, and in every column that names a text.
  public static func of(_ text: String) -> Int64 {
    Int64(bitPattern: StableHash.xxh64(Array(text.utf8).span, seed: RowEncoder.textSeed))
  }
}
