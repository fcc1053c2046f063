// Swift values in PostgreSQL's binary format (the typreceive and typsend functions of src/backend/utils/adt).
// Parameters and columns have this format, so no value is ever part of a statement's text.

internal import Protocol

/// A value that can be a parameter or a column.
protocol SQLValue: Sendable {
  static var type: SQLType { get }
  /// True only for Optional.
  static var isNullable: Bool { get }
  var isNull: Bool { get }
  /// The value that an initializer gets while it describes its columns.
  static var standIn: Self { get }
  /// Appends the binary form. Not called when `isNull`.
  func append(to bytes: inout [UInt8])
  /// - Parameter bytes: nil for NULL.
  static func decode(_ bytes: Span<UInt8>?) throws(SQLValueError) -> Self
}

enum SQLValueError: Error, Hashable, Sendable {
  /// NULL for a type that is not Optional.
  case null
  /// The bytes are not a value of the type.
  case malformed
}

extension SQLValue {
  static var isNullable: Bool { false }
  var isNull: Bool { false }
}

extension Optional: SQLValue where Wrapped: SQLValue {
  static var type: SQLType { Wrapped.type }
  static var isNullable: Bool { true }
  var isNull: Bool { self == nil }
  static var standIn: Wrapped? { nil }

  func append(to bytes: inout [UInt8]) { self?.append(to: &bytes) }

  static func decode(_ bytes: Span<UInt8>?) throws(SQLValueError) -> Wrapped? {
    guard let bytes else { return nil }
    return try Wrapped.decode(bytes)
  }
}

/// A value of fixed width: one big-endian integer.
protocol FixedWidthSQLValue: SQLValue {
  associatedtype Word: FixedWidthInteger
  var word: Word { get }
  init(word: Word) throws(SQLValueError)
}

extension FixedWidthSQLValue {
  func append(to bytes: inout [UInt8]) { bytes.append(bigEndian: word) }

  static func decode(_ bytes: Span<UInt8>?) throws(SQLValueError) -> Self {
    guard let bytes else { throw .null }
    guard bytes.count == MemoryLayout<Word>.size else { throw .malformed }
    return try Self(word: Word(bigEndian: bytes, at: 0))
  }
}

extension Int32: FixedWidthSQLValue {
  static var type: SQLType { .int4 }
  static var standIn: Int32 { 0 }
  var word: Int32 { self }
  init(word: Int32) { self = word }
}

extension Int64: FixedWidthSQLValue {
  static var type: SQLType { .int8 }
  static var standIn: Int64 { 0 }
  var word: Int64 { self }
  init(word: Int64) { self = word }
}

extension Double: FixedWidthSQLValue {
  static var type: SQLType { .float8 }
  static var standIn: Double { 0 }
  var word: UInt64 { bitPattern }
  init(word: UInt64) { self = Double(bitPattern: word) }
}

extension Bool: FixedWidthSQLValue {
  static var type: SQLType { .bool }
  static var standIn: Bool { false }
  var word: UInt8 { self ? 1 : 0 }
  init(word: UInt8) throws(SQLValueError) {
    guard word <= 1 else { throw .malformed }
    self = word == 1
  }
}

/// A point in time: `timestamptz`, as microseconds since 1970-01-01 00:00 UTC. Out-of-range values saturate to
/// infinity.
struct Timestamp: FixedWidthSQLValue, Hashable, Comparable {
  /// 2000-01-01 00:00 UTC, the origin of PostgreSQL's times.
  private static let postgresEpoch: Int64 = 946_684_800_000_000

  let unixMicroseconds: Int64

  init(unixMicroseconds: Int64) { self.unixMicroseconds = unixMicroseconds }
  init(unixSeconds: Int64) { unixMicroseconds = unixSeconds * 1_000_000 }

  static var type: SQLType { .timestamptz }
  static var standIn: Timestamp { Timestamp(unixMicroseconds: 0) }
  var word: Int64 {
    if unixMicroseconds == .max || unixMicroseconds == .min { return unixMicroseconds }
    let (microseconds, overflow) = unixMicroseconds.subtractingReportingOverflow(Self.postgresEpoch)
    return overflow ? .min : microseconds
  }
  init(word: Int64) {
    if word == .max || word == .min {
      unixMicroseconds = word
    } else {
      let (microseconds, overflow) = word.addingReportingOverflow(Self.postgresEpoch)
      unixMicroseconds = overflow ? .max : microseconds
    }
  }

  static func < (left: Timestamp, right: Timestamp) -> Bool { left.unixMicroseconds < right.unixMicroseconds }
}

/// A calendar day in UTC: `date`, as days since 1970-01-01.
struct Day: FixedWidthSQLValue, Hashable, Comparable {
  /// 2000-01-01, the origin of PostgreSQL's dates.
  private static let postgresEpoch: Int32 = 10_957

  let unixDays: Int32

  init(unixDays: Int32) { self.unixDays = unixDays }
  /// The day that contains `time`.
  init(of time: Timestamp) {
    let day: Int64 = 86_400_000_000
    let (quotient, remainder) = time.unixMicroseconds.quotientAndRemainder(dividingBy: day)
    unixDays = Int32(clamping: remainder < 0 ? quotient - 1 : quotient)
  }

  static var type: SQLType { .date }
  static var standIn: Day { Day(unixDays: 0) }
  var word: Int32 {
    let (days, overflow) = unixDays.subtractingReportingOverflow(Self.postgresEpoch)
    return overflow ? .min : days
  }
  init(word: Int32) {
    let (days, overflow) = word.addingReportingOverflow(Self.postgresEpoch)
    unixDays = overflow ? .max : days
  }

  func advanced(by days: Int32) -> Day { Day(unixDays: unixDays + days) }
  static func < (left: Day, right: Day) -> Bool { left.unixDays < right.unixDays }
}

extension UUID: SQLValue {
  static var type: SQLType { .uuid }
  static var standIn: UUID { UUID(high: 0, low: 0) }
  func append(to bytes: inout [UInt8]) {
    bytes.append(bigEndian: high)
    bytes.append(bigEndian: low)
  }
  static func decode(_ bytes: Span<UInt8>?) throws(SQLValueError) -> UUID {
    guard let bytes else { throw .null }
    guard let uuid = UUID(bytes: bytes) else { throw .malformed }
    return uuid
  }
}

extension String: SQLValue {
  static var type: SQLType { .text }
  static var standIn: String { "" }
  func append(to bytes: inout [UInt8]) { bytes.append(contentsOf: utf8) }
  static func decode(_ bytes: Span<UInt8>?) throws(SQLValueError) -> String {
    guard let bytes else { throw .null }
    return bytes.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
  }
}

/// A `jsonb` document, as its text.
struct JSONText: SQLValue, Hashable {
  let text: String

  init(_ text: String) { self.text = text }

  static var type: SQLType { .jsonb }
  static var standIn: JSONText { JSONText("null") }
  /// jsonb_recv wants a version number before the text.
  private static let version: UInt8 = 1
  func append(to bytes: inout [UInt8]) {
    bytes.append(Self.version)
    bytes.append(contentsOf: text.utf8)
  }
  static func decode(_ bytes: Span<UInt8>?) throws(SQLValueError) -> JSONText {
    guard let bytes else { throw .null }
    guard bytes.count > 0, bytes[0] == version else { throw .malformed }
    return JSONText(try String.decode(bytes.extracting(1...)))
  }
}

extension [UInt8] {
  mutating func append<T: FixedWidthInteger>(bigEndian value: T) {
    for shift in stride(from: T.bitWidth - 8, through: 0, by: -8) { append(UInt8(truncatingIfNeeded: value >> shift)) }
  }
}

extension FixedWidthInteger {
  /// Reads a big-endian integer. All its bytes, from `offset` on, must lie within `bytes`.
  init(bigEndian bytes: Span<UInt8>, at offset: Int) {
    var value: Self = 0
    for index in 0..<MemoryLayout<Self>.size {
      value = value << 8 | Self(truncatingIfNeeded: bytes[offset + index])
    }
    self = value
  }
}
