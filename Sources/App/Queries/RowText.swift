// Rows of the database as text, written directly from their binary values.

import Protocol

/// Writes rows in one format. It owns the text until `take`.
struct RowText: ~Copyable {
  let format: MetricFormat
  /// The text before each value.
  private let prefixes: [[UInt8]]
  private let isIdentifier: [Bool]
  private var types: [SQLType] = []
  private var text = ByteBuffer(minimumCapacity: 8192)
  private var lastTime: (time: Int64, text: [UInt8])?
  /// The number of rows that are written.
  private(set) var count = 0

  /// - Parameters:
  ///   - names: the names of the values in a row. Further columns of the rows are not written.
  ///   - identifiers: those names whose numbers are written as strings in JSON.
  init(_ names: [String], identifiers: Set<String>, _ format: MetricFormat) {
    self.format = format
    isIdentifier = names.map { format != .csv && identifiers.contains($0) }
    prefixes = names.enumerated().map { index, name in
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
    guard format == .csv else { return }
    for (index, name) in names.enumerated() {
      if index > 0 { text.append(",") }
      text.append(utf8: name)
    }
    text.append("\r\n")
  }

  /// How many values of a row are written.
  var width: Int { prefixes.count }

  /// Bytes that are written and not taken yet.
  var pendingBytes: Int { text.count }

  mutating func take() -> [UInt8] {
    let bytes = text.withUnsafeBytes { Array($0) }
    text.removeAll()
    return bytes
  }

  /// Writes text between the rows.
  mutating func append(_ bytes: [UInt8]) { text.append(bytes) }

  /// Writes the first row of a result. Rows in JSON are separated by commas.
  mutating func append(_ rows: borrowing DatabaseRows) {
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
