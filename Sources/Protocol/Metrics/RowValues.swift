// The values of one row between its JSON and its tuple: read in the order of the text, written in the order of columns.

/// One row's values by slot. Reused for every row, so that a row costs no memory of its own.
struct RowValues: ~Copyable {
  /// A number's, bool's, timestamp's or id's bits; of a text where it begins, and its length.
  struct Slot {
    var bits: UInt64 = 0
    var count = 0
    /// Whether a text is in `copies`; otherwise it is in the window.
    var isCopied = false
  }

  var slots = FixedStorage(repeating: Slot(), count: CompiledCatalog.mostSlots)
  /// Bit n: the key of slot n was there; and it was not null.
  private(set) var seen: UInt64 = 0
  private(set) var present: UInt64 = 0
  /// Bytes of the inline texts.
  private(set) var textBytes = 0
  /// Texts that had escapes, and those that must outlive the window.
  private(set) var copies = ByteBuffer()
  /// The unknown keys and their values, as the inside of a JSON object.
  private(set) var extra = ByteBuffer()
  /// After a fault: the slot it happened at, or -1.
  private(set) var faultSlot = -1
  /// For each table: the slot that came first the last time, and the one that came after each slot.
  private var successors: [UInt8]
  /// Whether texts are copied at once, because the window may move on before the row is written.
  private let copiesTexts: Bool

  init(catalog: borrowing CompiledCatalog, copiesTexts: Bool) {
    successors = Array(repeating: 0, count: copiesTexts ? 0 : catalog.rowKeys.count + catalog.tables.count)
    self.copiesTexts = copiesTexts
  }

  var allocatedBytes: Int { copies.allocatedBytes + extra.allocatedBytes + successors.capacity }

  mutating func removeAll() {
    seen = 0
    present = 0
    textBytes = 0
    faultSlot = -1
    if !copies.isEmpty { copies.removeAll() }
    if !extra.isEmpty { extra.removeAll() }
  }

  mutating func setFaultSlot(_ slot: Int) { faultSlot = slot }

  /// Reads the object at `cursor` as a row of `table`.
  /// - Parameter depth: how many containers are open around it.
  mutating func readRow(
    _ cursor: inout JSONCursor, table: Int, in catalog: borrowing CompiledCatalog, depth: Int, limits: PushLimits
  ) throws(DecodeFault) {
    removeAll()
    guard depth < limits.depth else { throw .malformed(.tooDeep, at: cursor.position) }
    let plan = catalog.tables[table]
    let hints = plan.firstKey + table
    var previous = hints
    cursor.position += 1
    cursor.skipWhitespace()
    if cursor.peek == 0x7D {
      cursor.position += 1
      return
    }
    while true {
      // Producers keep their order, so the key that came here last time is tried first.
      var slot = Int(successors[previous])
      let pattern = plan.firstKey + slot
      if cursor.position + KeyPattern.width <= cursor.bytes.count, slot < plan.slotCount,
        catalog.patterns[pattern].matches(cursor)
      {
        cursor.position += catalog.patterns[pattern].count
      } else {
        slot = try findKey(&cursor, plan, in: catalog, depth: depth, limits: limits)
        if slot >= 0 { successors[previous] = UInt8(slot) }
      }
      if slot >= 0 {
        previous = hints + 1 + slot
        cursor.skipWhitespace()
        do throws(DecodeFault) {
          guard seen & (1 << UInt64(slot)) == 0 else { throw .reject(.duplicateKey) }
          try readScalar(&cursor, catalog.rowKeys[plan.firstKey + slot].kind, slot: slot, limits: limits)
        } catch {
          faultSlot = slot
          throw error
        }
      }
      cursor.skipWhitespace()
      if cursor.peek == 0x2C {
        cursor.position += 1
        cursor.skipWhitespace()
      } else {
        try cursor.expect(0x7D)
        return
      }
    }
  }

  /// Reads a key and its colon; with an unknown key its value too, into `extra`.
  /// - Returns: the key's slot, -1 for an unknown one.
  private mutating func findKey(
    _ cursor: inout JSONCursor, _ plan: TablePlan, in catalog: borrowing CompiledCatalog, depth: Int,
    limits: PushLimits
  ) throws(DecodeFault) -> Int {
    let start = cursor.position
    let key = try cursor.text()
    guard key.count <= limits.keyBytes else { throw .reject(.stringTooLong) }
    cursor.skipWhitespace()
    try cursor.expect(0x3A)
    let slot: Int?
    if key.isEscaped {
      let end = copies.count
      try cursor.decode(key, into: &copies)
      slot = catalog.slot(in: plan, named: copies.span.extracting(end..<copies.count))
      copies.truncate(to: end)
    } else {
      slot = catalog.slot(in: plan, named: cursor.bytes.extracting(key.range))
    }
    if let slot { return slot }
    try cursor.check(key)
    try cursor.skipValue(depth: depth + 1, maximumDepth: limits.depth, storable: true)
    if !extra.isEmpty { extra.append(0x2C as UInt8) }
    extra.append(cursor.bytes.extracting(start..<cursor.position))
    return -1
  }

  /// Reads one value of a declared kind into its slot; `null` leaves it empty.
  @inline(__always)
  mutating func readScalar(
    _ cursor: inout JSONCursor, _ kind: RowKey.Kind, slot: Int, limits: PushLimits
  ) throws(DecodeFault) {
    let bit: UInt64 = 1 << UInt64(slot)
    seen |= bit
    let first = cursor.peek
    if first == 0x6E {
      try cursor.expectNull()
      return
    }
    switch kind {
    case .int8:
      guard first &- 0x30 < 10 || first == 0x2D else { throw .reject(.wrongType) }
      slots[slot].bits = UInt64(bitPattern: try cursor.integer())
    case .float8:
      guard first &- 0x30 < 10 || first == 0x2D else { throw .reject(.wrongType) }
      slots[slot].bits = try cursor.double().bitPattern
    case .bool:
      guard first == 0x74 || first == 0x66 else { throw .reject(.wrongType) }
      slots[slot].bits = try cursor.boolean() ? 1 : 0
    case .text:
      try readText(&cursor, slot: slot, limits: limits)
      textBytes += slots[slot].count
    case .interned, .object:
      try readText(&cursor, slot: slot, limits: limits)
    case .timestamp:
      guard let value = try readTimestamp(&cursor, limits: limits) else { return }
      slots[slot].bits = UInt64(bitPattern: value)
    }
    present |= bit
  }

  /// Reads the element of an array of texts into slot 0.
  mutating func readTextRow(
    _ cursor: inout JSONCursor, _ kind: RowKey.Kind, limits: PushLimits
  ) throws(DecodeFault) {
    removeAll()
    guard cursor.peek == 0x22 else { throw .reject(.wrongType) }
    try readScalar(&cursor, kind, slot: 0, limits: limits)
  }

  @inline(__always)
  private mutating func readText(
    _ cursor: inout JSONCursor, slot: Int, limits: PushLimits
  ) throws(DecodeFault) {
    guard cursor.peek == 0x22 else { throw .reject(.wrongType) }
    let text = try cursor.text()
    guard text.count <= limits.stringBytes else { throw .reject(.stringTooLong) }
    if text.isEscaped || copiesTexts {
      let start = copies.count
      try cursor.decode(text, into: &copies)
      slots[slot] = Slot(bits: UInt64(start), count: copies.count - start, isCopied: true)
    } else {
      if text.isWide { try cursor.checkUTF8(text.range) }
      slots[slot] = Slot(bits: UInt64(text.start), count: text.count, isCopied: false)
    }
  }

  /// - Returns: nil for "".
  private mutating func readTimestamp(
    _ cursor: inout JSONCursor, limits: PushLimits
  ) throws(DecodeFault) -> Int64? {
    guard cursor.peek == 0x22 else { throw .reject(.wrongType) }
    let text = try cursor.text()
    if text.count == 0 { return nil }
    let value: Int64?
    if text.isEscaped {
      guard text.count <= limits.stringBytes else { throw .reject(.stringTooLong) }
      let start = copies.count
      try cursor.decode(text, into: &copies)
      value = PostgresTimestamp.parse(copies.span.extracting(start..<copies.count))
      copies.truncate(to: start)
    } else {
      value = PostgresTimestamp.parse(cursor.bytes.extracting(text.range))
    }
    guard let value else { throw .reject(.badTimestamp) }
    return value
  }

  /// The text in `slot`.
  @inline(__always)
  @_lifetime(borrow self, copy window)
  func text(_ slot: Int, window: Span<UInt8>) -> Span<UInt8> {
    let value = slots[slot]
    let range = Int(value.bits)..<Int(value.bits) + value.count
    return value.isCopied ? copies.span.extracting(range) : window.extracting(range)
  }
}
