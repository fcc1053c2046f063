// The position at which a page of an answer ends: that of its last row in the order of rows. It is not a number of
// rows, so rows that are added or removed in the meantime do not repeat or hide other rows.
//
//   1 byte version | 8 bytes digest of the query | start, end: µs | position: time in µs, then keys | seen — all big-endian

import Protocol

struct MetricCursor: Equatable, Sendable {
  /// A row's place in the order of a query's rows.
  struct Position: Equatable, Sendable {
    /// A stored row's own time, or a bucket's time.
    let time: Timestamp
    /// For a stored row a hash of all its values; for a bucket the ids that identify its group.
    let keys: [Int64]
    /// How many rows with this time and these keys were sent. It is more than one only if rows are equal in every
    /// value, so it does not matter which of them were sent.
    var seen: Int64 = 1
  }

  /// The range of the first page, because `end_time` may have been "now".
  let start: Timestamp
  let end: Timestamp
  let position: Position

  private static let version: UInt8 = 1
  private static let mostKeys = 8

  /// - Parameter query: a digest of the query that the cursor belongs to.
  func encode(for query: UInt64) -> String {
    var bytes = [Self.version]
    bytes.append(bigEndian: query)
    bytes.append(bigEndian: start.unixMicroseconds)
    bytes.append(bigEndian: end.unixMicroseconds)
    bytes.append(bigEndian: position.time.unixMicroseconds)
    for key in position.keys { bytes.append(bigEndian: key) }
    bytes.append(bigEndian: position.seen)
    return Base64URL.encode(bytes)
  }

  enum Unusable: Error, Equatable {
    case malformed
    /// The cursor belongs to another query.
    case foreign
  }

  /// - Parameter keyCount: how many keys the rows of the query have.
  init(_ text: String, for query: UInt64, keyCount: Int) throws(Unusable) {
    precondition(keyCount <= Self.mostKeys)
    guard let bytes = Base64URL.decode(Array(text.utf8).span), bytes.count >= 17, bytes[0] == Self.version else {
      throw .malformed
    }
    let span = bytes.span
    if UInt64(bigEndian: span, at: 1) != query { throw .foreign }
    guard bytes.count == 1 + 8 + 8 * (4 + keyCount) else { throw .malformed }
    func word(_ index: Int) -> Int64 { Int64(bigEndian: span, at: 9 + 8 * index) }
    start = Timestamp(unixMicroseconds: word(0))
    end = Timestamp(unixMicroseconds: word(1))
    position = Position(
      time: Timestamp(unixMicroseconds: word(2)), keys: (0..<keyCount).map { word(3 + $0) },
      seen: word(3 + keyCount))
    guard start < end, position.time < end, position.seen > 0 else { throw .malformed }
  }

  init(start: Timestamp, end: Timestamp, position: Position) {
    self.start = start
    self.end = end
    self.position = position
  }
}
