// The values of one row between its JSON and its tuple. They are read in the order of the text and written in the order
// of the columns.
//
// If a column cannot hold a value, only that value is affected: a text is mended, any other value is left out, and the
// alteration is noted for the answer. Only invalid JSON throws.

/// The values of one row by slot. It is used again for each row, so a row needs no memory of its own.
struct RowValues: ~Copyable {
  /// The bits of a number, bool, timestamp or id. For a text: `bits` is the offset of its first byte, `count` its
  /// length.
  struct Slot {
    var bits: UInt64 = 0
    var count = 0
    /// Whether a text is in `copies`. Otherwise it is in the window.
    var isCopied = false
    /// For a numeric: whether it does not fit an int8. `count` then holds its high half.
    var isWide = false

    var wide: Int128 {
      get { isWide ? Int128(count) << 64 | Int128(bits) : Int128(Int64(bitPattern: bits)) }
      set {
        isWide = Int64(exactly: newValue) == nil
        bits = UInt64(truncatingIfNeeded: newValue)
        count = isWide ? Int(truncatingIfNeeded: newValue >> 64) : 0
      }
    }
  }

  /// A value that is not stored as it was sent.
  struct Alteration {
    /// The slot; -1 for an unknown key, which `name` then holds.
    let slot: Int
    let name: String
    let code: RejectCode
    let action: AlteredValue.Action
  }

  var slots = FixedStorage(repeating: Slot(), count: CompiledCatalog.mostSlots)
  /// Bit n: the key of slot n has occurred.
  private(set) var seen: UInt64 = 0
  /// Bit n: slot n has a value.
  var present: UInt64 = 0
  /// The bytes of the texts that are stored in the row.
  private(set) var textBytes = 0
  /// Copies of texts: those with escapes, and those that must outlive the window.
  private(set) var copies = ByteBuffer()
  /// The unknown keys and their values: the inside of a JSON object, without braces.
  private(set) var extra = ByteBuffer()
  private(set) var alterations: [Alteration] = []
  /// For each table: the slot that came first in the last row, and the slot that came after each slot.
  private var successors: [UInt8]
  /// Whether texts are always copied, because the window may move before the row is written.
  private let copiesTexts: Bool

  private static let retainedAlterations = 1024
  /// 10^38: a numeric column takes only numbers below it.
  static let wideEnd: UInt128 = 100_000_000_000_000_000_000_000_000_000_000_000_000

  init(catalog: borrowing CompiledCatalog, copiesTexts: Bool) {
    successors = Array(repeating: 0, count: copiesTexts ? 0 : catalog.rowKeys.count + catalog.tables.count)
    self.copiesTexts = copiesTexts
  }

  var allocatedBytes: Int { copies.allocatedBytes + extra.allocatedBytes + successors.capacity }

  mutating func removeAll() {
    seen = 0
    present = 0
    textBytes = 0
    if !copies.isEmpty { copies.removeAll() }
    if !extra.isEmpty { extra.removeAll() }
    if !alterations.isEmpty { removeAlterations() }
  }

  mutating func removeAlterations() {
    alterations.removeAll(keepingCapacity: alterations.capacity <= Self.retainedAlterations)
  }

  /// Leaves out the value of `slot` for the reason `code`.
  mutating func drop(_ slot: Int, _ code: RejectCode) {
    present &= ~(1 << UInt64(slot))
    if alterations.contains(where: { $0.slot == slot && $0.action == .null }) { return }
    alterations.append(Alteration(slot: slot, name: "", code: code, action: .null))
  }

  /// The first slot of `mask` whose value was sent but left out, and the reason; nil if there is none.
  func fault(in mask: UInt64) -> (slot: Int, code: RejectCode)? {
    for alteration in alterations where alteration.slot >= 0 && alteration.action == .null {
      let bit: UInt64 = 1 << UInt64(alteration.slot)
      if mask & bit != 0, present & bit == 0 { return (alteration.slot, alteration.code) }
    }
    return nil
  }

  /// Reads the object at `cursor` as a row of `table`.
  /// - Parameter depth: the number of containers that are open around it.
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
      // Collectors keep the order of keys, so the key that came here in the last row is tried first.
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
        try readScalar(
          &cursor, catalog.rowKeys[plan.firstKey + slot].kind, slot: slot, depth: depth + 1, limits: limits)
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

  /// Reads a key and its colon. For an unknown key it also reads the value, into `extra`.
  /// - Returns: the key's slot; -1 for an unknown key.
  private mutating func findKey(
    _ cursor: inout JSONCursor, _ plan: TablePlan, in catalog: borrowing CompiledCatalog, depth: Int,
    limits: PushLimits
  ) throws(DecodeFault) -> Int {
    let start = cursor.position
    let key = try cursor.text()
    cursor.skipWhitespace()
    try cursor.expect(0x3A)
    let keyFault = key.count > limits.keyBytes ? RejectCode.stringTooLong : cursor.fault(of: key)
    if keyFault == nil {
      let slot: Int?
      if key.isEscaped {
        let end = copies.count
        cursor.decodeMended(key, limit: limits.keyBytes, into: &copies)
        slot = catalog.slot(in: plan, named: copies.span.extracting(end..<copies.count))
        copies.truncate(to: end)
      } else {
        slot = catalog.slot(in: plan, named: cursor.bytes.extracting(key.range))
      }
      if let slot { return slot }
    }
    try readUnknown(&cursor, key, from: start, fault: keyFault, depth: depth, limits: limits)
    return -1
  }

  /// Keeps an unknown member as it stands in the text, or mended.
  /// - Parameter fault: the fault of the key; nil if the key is sound.
  private mutating func readUnknown(
    _ cursor: inout JSONCursor, _ key: JSONText, from start: Int, fault: RejectCode?, depth: Int, limits: PushLimits
  ) throws(DecodeFault) {
    if !extra.isEmpty { extra.append(0x2C as UInt8) }
    let valueStart = cursor.position
    if fault == nil {
      do throws(DecodeFault) {
        try cursor.skipValue(depth: depth + 1, maximumDepth: limits.depth, storable: true)
        extra.append(cursor.bytes.extracting(start..<cursor.position))
        return
      } catch {
        _ = try error.valueFault()
      }
    }
    cursor.position = valueStart
    extra.append(0x22 as UInt8)
    cursor.appendMended(key, limit: limits.keyBytes, into: &extra)
    extra.append("\":")
    let mending = try cursor.appendMendedValue(depth: depth + 1, maximumDepth: limits.depth, into: &extra)
    guard let code = fault ?? mending.first else { preconditionFailure("mending found no fault in a faulty value") }
    let action = fault != nil || mending.hasMendedText ? AlteredValue.Action.mended : .null
    alterations.append(Alteration(slot: -1, name: cursor.shown(key), code: code, action: action))
  }

  /// Reads one value of a declared kind into its slot. `null` leaves the slot empty.
  /// - Parameter depth: the number of containers that are open around it.
  @inline(__always)
  mutating func readScalar(
    _ cursor: inout JSONCursor, _ kind: RowKey.Kind, slot: Int, depth: Int, limits: PushLimits
  ) throws(DecodeFault) {
    let bit: UInt64 = 1 << UInt64(slot)
    // If a key occurs twice, the intended value is not known, so neither value is stored.
    if seen & bit != 0 { return try refuse(&cursor, slot, .duplicateKey, depth, limits) }
    seen |= bit
    let first = cursor.peek
    if first == 0x6E {
      try cursor.expectNull()
      return
    }
    let isNumber = first &- 0x30 < 10 || first == 0x2D
    switch kind {
    case .int8:
      guard isNumber else { return try refuse(&cursor, slot, .wrongType, depth, limits) }
      do throws(DecodeFault) {
        slots[slot].bits = UInt64(bitPattern: try cursor.integer())
      } catch { return drop(slot, try error.valueFault()) }
    case .numeric:
      guard isNumber else { return try refuse(&cursor, slot, .wrongType, depth, limits) }
      let start = cursor.position
      do throws(DecodeFault) {
        slots[slot].bits = UInt64(bitPattern: try cursor.integer())
        slots[slot].isWide = false
      } catch {
        _ = try error.valueFault()
        cursor.position = start
        do throws(DecodeFault) {
          slots[slot].wide = try cursor.number().asWideInteger(in: cursor.bytes)
        } catch { return drop(slot, try error.valueFault()) }
      }
    case .float8:
      guard isNumber else { return try refuse(&cursor, slot, .wrongType, depth, limits) }
      do throws(DecodeFault) {
        slots[slot].bits = try cursor.double().bitPattern
      } catch { return drop(slot, try error.valueFault()) }
    case .bool:
      guard first == 0x74 || first == 0x66 else { return try refuse(&cursor, slot, .wrongType, depth, limits) }
      slots[slot].bits = try cursor.boolean() ? 1 : 0
    case .text:
      guard first == 0x22 else { return try refuse(&cursor, slot, .wrongType, depth, limits) }
      try readText(&cursor, slot: slot, limits: limits)
      textBytes += slots[slot].count
    case .interned, .object:
      guard first == 0x22 else { return try refuse(&cursor, slot, .wrongType, depth, limits) }
      try readText(&cursor, slot: slot, limits: limits)
    case .timestamp:
      guard first == 0x22 else { return try refuse(&cursor, slot, .wrongType, depth, limits) }
      guard let value = try readTimestamp(&cursor, slot, limits: limits) else { return }
      slots[slot].bits = UInt64(bitPattern: value)
    case .made: preconditionFailure("no key of a push fills a column that the server makes")
    }
    present |= bit
  }

  /// Skips a value that the slot cannot hold.
  private mutating func refuse(
    _ cursor: inout JSONCursor, _ slot: Int, _ code: RejectCode, _ depth: Int, _ limits: PushLimits
  ) throws(DecodeFault) {
    try cursor.skipValue(depth: depth, maximumDepth: limits.depth, storable: false)
    drop(slot, code)
  }

  /// Reads an element of an array of texts into slot 0.
  /// - Precondition: the element is a string.
  mutating func readTextRow(
    _ cursor: inout JSONCursor, _ kind: RowKey.Kind, depth: Int, limits: PushLimits
  ) throws(DecodeFault) {
    removeAll()
    try readScalar(&cursor, kind, slot: 0, depth: depth, limits: limits)
  }

  @inline(__always)
  private mutating func readText(
    _ cursor: inout JSONCursor, slot: Int, limits: PushLimits
  ) throws(DecodeFault) {
    let text = try cursor.text()
    if text.count > limits.stringBytes { return mend(cursor, text, slot, .stringTooLong, limits) }
    do throws(DecodeFault) {
      if text.isEscaped || copiesTexts {
        let start = copies.count
        try cursor.decode(text, into: &copies)
        slots[slot] = Slot(bits: UInt64(start), count: copies.count - start, isCopied: true)
      } else {
        if text.isWide { try cursor.checkUTF8(text.range) }
        slots[slot] = Slot(bits: UInt64(text.start), count: text.count, isCopied: false)
      }
    } catch { mend(cursor, text, slot, try error.valueFault(), limits) }
  }

  private mutating func mend(
    _ cursor: borrowing JSONCursor, _ text: JSONText, _ slot: Int, _ code: RejectCode, _ limits: PushLimits
  ) {
    let start = copies.count
    cursor.decodeMended(text, limit: limits.stringBytes, into: &copies)
    slots[slot] = Slot(bits: UInt64(start), count: copies.count - start, isCopied: true)
    alterations.append(Alteration(slot: slot, name: "", code: code, action: .mended))
  }

  /// Reads a timestamp.
  /// - Returns: nil for "", and for a text that is not a timestamp; the latter is noted.
  private mutating func readTimestamp(
    _ cursor: inout JSONCursor, _ slot: Int, limits: PushLimits
  ) throws(DecodeFault) -> Int64? {
    let text = try cursor.text()
    if text.count == 0 { return nil }
    let value: Int64?
    if text.isEscaped {
      let start = copies.count
      cursor.decodeMended(text, limit: limits.stringBytes, into: &copies)
      value = PostgresTimestamp.parse(copies.span.extracting(start..<copies.count))
      copies.truncate(to: start)
    } else {
      value = PostgresTimestamp.parse(cursor.bytes.extracting(text.range))
    }
    if value == nil { drop(slot, .badTimestamp) }
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

  // MARK: for rows that are added up

  /// Copies `text` into `slot`.
  mutating func setText(_ slot: Int, _ text: Span<UInt8>) {
    slots[slot] = Slot(bits: UInt64(copies.count), count: text.count, isCopied: true)
    copies.append(text)
    textBytes += text.count
  }

  /// - Parameter text: the inside of a JSON object, without braces.
  mutating func setExtra(_ text: Span<UInt8>) {
    extra.removeAll()
    extra.append(text)
  }
}

extension JSONCursor {
  /// A key as an answer shows it in a path.
  func shown(_ key: JSONText) -> String {
    var name = ByteBuffer()
    decodeMended(key, limit: 64, into: &name)
    return name.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
  }
}
