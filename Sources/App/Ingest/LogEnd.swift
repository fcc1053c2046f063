// The end of a log list as PostgreSQL has it.

import Protocol

struct LogEnd: SQLRow {
  let database: Int64
  /// The digests of its last lines, as bytes.
  let lines: [UInt8]

  init(from row: inout RowReader) throws(DatabaseError) {
    _ = try row.read("push_id") as UUID
    database = try row.read("database_id")
    lines = try row.read("lines")
  }
}

extension [UInt64] {
  /// The words as `bytea`: 8 bytes each, the most significant byte first.
  var bigEndianBytes: [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count * 8)
    for word in self {
      for shift in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: word >> UInt64(56 - 8 * shift))) }
    }
    return bytes
  }

  /// The words in `bytes`, 8 bytes each. A rest of less than 8 bytes is ignored.
  init(bigEndianBytes bytes: [UInt8]) {
    self = stride(from: 0, to: bytes.count - bytes.count % 8, by: 8).map { start in
      bytes[start..<start + 8].reduce(0) { $0 << 8 | UInt64($1) }
    }
  }
}
