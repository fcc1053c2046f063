// Writes rows of the database as text, directly from their binary values: one answer may have 2 million rows.

import Protocol

struct MetricRowEncoder: ~Copyable {
  struct Plan: Sendable {
    let format: MetricFormat
    /// The names of the values in a row.
    let names: [String]
    /// Those names whose numbers are written as strings in JSON.
    let identifiers: Set<String>
    /// The members of a JSON answer before its rows, without the closing brace: `{"server_id":1,...`.
    let head: [UInt8]
    /// The largest number of rows that are written. The statement may return one more row, which shows that there is a
    /// next page and is not written.
    let limit: Int
    /// How many columns at the end are the cursor's keys.
    let keyCount: Int
    /// The position after which the rows begin.
    let start: MetricCursor.Position?
    /// Encodes a position as the text of a cursor.
    let cursor: @Sendable (MetricCursor.Position) -> String
  }

  private let plan: Plan
  private var format: MetricFormat { plan.format }
  /// The text before each value.
  private let prefixes: [[UInt8]]
  private let isIdentifier: [Bool]
  private var types: [SQLType] = []
  private var text = ByteBuffer(minimumCapacity: 8192)
  private var lastTime: (time: Int64, text: [UInt8])?
  private(set) var count = 0
  private(set) var hasMore = false
  private var position: MetricCursor.Position?

  init(_ plan: Plan) {
    self.plan = plan
    let format = plan.format
    position = plan.start
    isIdentifier = plan.names.map { format != .csv && plan.identifiers.contains($0) }
    prefixes = plan.names.enumerated().map { index, name in
      switch format {
      case .csv: return index == 0 ? [] : Array(",".utf8)
      case .json, .lines:
        var key = ByteBuffer()
        key.append(index == 0 ? UInt8(ascii: "{") : UInt8(ascii: ","))
        key.append(jsonString: Array(name.utf8).span)
        key.append(":")
        return key.withUnsafeBytes { Array($0) }
      }
    }
    switch format {
    case .json:
      text.append(plan.head)
      text.append(",\"data\":[")
    case .csv:
      for (index, name) in plan.names.enumerated() {
        if index > 0 { text.append(",") }
        text.append(utf8: name)
      }
      text.append("\r\n")
    case .lines: break
    }
  }

  /// Bytes that are written and not taken yet.
  var pendingBytes: Int { text.count }

  mutating func take() -> [UInt8] {
    let bytes = text.withUnsafeBytes { Array($0) }
    text.removeAll()
    return bytes
  }

  /// The cursor of the next page; nil if there is none.
  var nextCursor: String? {
    guard hasMore, let position else { return nil }
    return plan.cursor(position)
  }

  /// - Parameter rows: one row.
  mutating func append(_ rows: borrowing DatabaseRows) {
    if count == plan.limit {
      hasMore = true
      return
    }
    if types.isEmpty { types = rows.columns.map(\.type) }
    if format == .json, count > 0 { text.append(",") }
    for column in prefixes.indices {
      text.append(prefixes[column])
      rows.withValue(row: 0, column: column) { value in
        let isQuoted = isIdentifier[column] && value != nil
        if isQuoted { text.append("\"") }
        append(value, types[column])
        if isQuoted { text.append("\"") }
      }
    }
    switch format {
    case .json: text.append("}")
    case .lines: text.append("}\n")
    case .csv: text.append("\r\n")
    }
    count += 1
    advance(rows)
  }

  mutating func finish() {
    guard format == .json else { return }
    text.append("],\"count\":")
    text.append(utf8: String(count))
    text.append(",\"next_cursor\":")
    if let cursor = nextCursor { text.append(jsonString: Array(cursor.utf8).span) } else { text.append("null") }
    text.append("}")
  }

  private mutating func advance(_ rows: borrowing DatabaseRows) {
    let first = prefixes.count
    guard let time = word(rows, 0).map({ Timestamp(word: $0) }) else { return }
    let keys = (first..<first + plan.keyCount).map { word(rows, $0) ?? 0 }
    if let last = position, last.time == time, last.keys == keys {
      position?.seen += 1
    } else {
      position = MetricCursor.Position(time: time, keys: keys)
    }
  }

  private func word(_ rows: borrowing DatabaseRows, _ column: Int) -> Int64? {
    rows.withValue(row: 0, column: column) { bytes in
      guard let bytes else { return nil }
      return Int64(bigEndian: bytes, at: 0)
    }
  }

  private mutating func append(_ value: Span<UInt8>?, _ type: SQLType) {
    guard let value else {
      if format != .csv { text.append("null") }
      return
    }
    switch type {
    case .int8: text.append(utf8: String(Int64(bigEndian: value, at: 0)))
    case .int4: text.append(utf8: String(Int32(bigEndian: value, at: 0)))
    case .float8:
      let number = Double(bitPattern: UInt64(bigEndian: value, at: 0))
      // JSON has no infinities: a value that is not finite is written as null.
      if number.isFinite {
        text.append(utf8: number.description)
      } else if format != .csv {
        text.append("null")
      }
    case .bool: if value[0] == 0 { text.append("false") } else { text.append("true") }
    case .numeric: text.append(utf8: SQLNumeric.text(value))
    case .timestamptz: append(time: Int64(bigEndian: value, at: 0))
    case .jsonb where format != .csv: text.append(value.extracting(1...))  // after the format's version byte
    case .jsonb: appendText(value.extracting(1...))
    default: appendText(value)  // text: the statements have no other types
    }
  }

  /// - Parameter time: microseconds since 2000-01-01, as PostgreSQL counts.
  private mutating func append(time: Int64) {
    if lastTime?.time != time { lastTime = (time, Array(PostgresTimestamp.text(time).utf8)) }
    if format != .csv { text.append("\"") }
    if let lastTime { text.append(lastTime.text) }
    if format != .csv { text.append("\"") }
  }

  private mutating func appendText(_ utf8: Span<UInt8>) {
    if format != .csv { return text.append(jsonString: utf8) }
    var isPlain = utf8.count > 0
    for index in utf8.indices {
      switch utf8[index] {
      case UInt8(ascii: ","), UInt8(ascii: "\""), UInt8(ascii: "\r"), UInt8(ascii: "\n"): isPlain = false
      default: continue  // any other character
      }
    }
    if isPlain { return text.append(utf8) }
    text.append("\"")
    for index in utf8.indices {
      if utf8[index] == UInt8(ascii: "\"") { text.append("\"") }
      text.append(utf8[index])
    }
    text.append("\"")
  }
}
