// Constants of PostgreSQL's binary formats (PostgreSQL manual, "COPY", Binary Format;
// src/include/datatype/timestamp.h).

/// Constants of the binary formats.
public enum PostgresBinary {
  /// The beginning of a binary COPY: signature, flags, length of the header's extension.
  public static let copyHeader: [UInt8] = [
    0x50, 0x47, 0x43, 0x4F, 0x50, 0x59, 0x0A, 0xFF, 0x0D, 0x0A, 0x00, 0, 0, 0, 0, 0, 0, 0, 0,
  ]
  /// The end of a binary COPY: a field count of -1.
  public static let copyTrailer: [UInt8] = [0xFF, 0xFF]

  /// 2000-01-01 00:00 UTC in microseconds since 1970.
  public static let epochUnixMicroseconds: Int64 = 946_684_800_000_000
  /// The same day in days since 1970.
  public static let epochUnixDays = 10_957
  /// The first `timestamptz`, 4714-11-24 BC, and the first impossible one, in the year 294277; in microseconds since
  /// 2000.
  static let firstTimestamp: Int64 = -211_813_488_000_000_000
  static let endTimestamp: Int64 = 9_223_371_331_200_000_000
  static let microsecondsPerDay: Int64 = 86_400_000_000

  /// The OID of type `text`, for the element type of an array.
  static let textOID: Int32 = 25
  /// The first byte of a binary `jsonb`.
  static let jsonbVersion: UInt8 = 1

  /// The day of a `timestamptz`, counted from 2000-01-01 UTC. `timestamp` is in microseconds since then.
  public static func day(of timestamp: Int64) -> Int32 {
    let day = timestamp / microsecondsPerDay
    return Int32(timestamp % microsecondsPerDay < 0 ? day - 1 : day)
  }
}
