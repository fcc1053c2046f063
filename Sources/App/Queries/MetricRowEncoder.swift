// Writes the answer of a metrics query as its rows arrive: one answer may have 2 million rows.

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
  private var text: RowText
  private(set) var hasMore = false
  private var position: MetricCursor.Position?

  init(_ plan: Plan) {
    self.plan = plan
    position = plan.start
    text = RowText(plan.names, identifiers: plan.identifiers, plan.format)
    if plan.format == .json { text.append(plan.head + Array(",\"data\":[".utf8)) }
  }

  /// The number of rows that are written.
  var count: Int { text.count }

  /// Bytes that are written and not taken yet.
  var pendingBytes: Int { text.pendingBytes }

  mutating func take() -> [UInt8] { text.take() }

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
    text.append(rows)
    advance(rows)
  }

  mutating func finish() {
    guard plan.format == .json else { return }
    var end = ByteBuffer()
    end.append("],\"count\":")
    end.append(utf8: String(count))
    end.append(",\"next_cursor\":")
    if let cursor = nextCursor { end.append(jsonString: Array(cursor.utf8).span) } else { end.append("null") }
    end.append("}")
    text.append(end.withUnsafeBytes { Array($0) })
  }

  private mutating func advance(_ rows: borrowing DatabaseRows) {
    let first = text.width
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
}
