import Protocol
import Testing

@testable import App

@Suite struct SQLValueTests {
  private func bytes<Value: SQLValue>(_ value: Value) -> [UInt8] {
    var bytes: [UInt8] = []
    value.append(to: &bytes)
    return bytes
  }

  private func roundTrip<Value: SQLValue & Equatable>(_ value: Value) throws {
    #expect(try Value.decode(bytes(value).span) == value)
  }

  @Test func `integers, reals and booleans are written in network order`() {
    #expect(bytes(Int32(-2)) == [0xFF, 0xFF, 0xFF, 0xFE])
    #expect(bytes(Int64(258)) == [0, 0, 0, 0, 0, 0, 1, 2])
    #expect(bytes(1.0) == [0x3F, 0xF0, 0, 0, 0, 0, 0, 0])
    #expect(bytes(true) == [1])
  }

  @Test func `values read back as they were written, at the edges too`() throws {
    for value in [Int32.min, -1, 0, .max] { try roundTrip(value) }
    for value in [Int64.min, -1, 0, .max] { try roundTrip(value) }
    for value in [-Double.infinity, -0.0, .leastNonzeroMagnitude, .greatestFiniteMagnitude] { try roundTrip(value) }
    for value in ["", "a", "ä\u{1F600}"] { try roundTrip(value) }
    for value in [[UInt8](), [0, 255]] { try roundTrip(value) }
    for value in [[Int64](), [1, .min]] { try roundTrip(value) }
    for value in [[String](), ["", "x"]] { try roundTrip(value) }
    try roundTrip(UUID(high: 1, low: .max))
    try roundTrip(JSONText(#"{"a":1}"#))
    try roundTrip(Day(unixDays: -1))
  }

  @Test func `time counts from 2000 on the wire and from 1970 in memory`() throws {
    #expect(bytes(Timestamp(unixSeconds: 946_684_800)) == [UInt8](repeating: 0, count: 8))
    #expect(bytes(Day(unixDays: 10_957)) == [0, 0, 0, 0])
    try roundTrip(Timestamp(unixMicroseconds: -1))
    try roundTrip(Timestamp(unixMicroseconds: .max))
    try roundTrip(Timestamp(unixMicroseconds: .min))
    #expect(Timestamp(word: .max - 1).unixMicroseconds == .max, "the value saturates, as infinity does")
  }

  @Test func `a time belongs to its UTC day, before 1970 too`() {
    let day: Int64 = 86_400
    #expect(Day(of: Timestamp(unixSeconds: 0)) == Day(unixDays: 0))
    #expect(Day(of: Timestamp(unixSeconds: day - 1)) == Day(unixDays: 0))
    #expect(Day(of: Timestamp(unixSeconds: day)) == Day(unixDays: 1))
    #expect(Day(of: Timestamp(unixMicroseconds: -1)) == Day(unixDays: -1))
    #expect(Day(of: Timestamp(unixSeconds: -day)) == Day(unixDays: -1))
    #expect(Day(of: Timestamp(unixSeconds: -day - 1)) == Day(unixDays: -2))
  }

  @Test func `NULL decodes only into an Optional`() throws {
    #expect(try Int32?.decode(nil) == nil)
    #expect(throws: SQLValueError.null) { try Int32.decode(nil) }
    #expect(throws: SQLValueError.null) { try String.decode(nil) }
    #expect(throws: SQLValueError.null) { try [Int64].decode(nil) }
    #expect(Int32?.isNullable && !Int32.isNullable)
  }

  @Test func `a value of another width or form is refused`() {
    #expect(throws: SQLValueError.malformed) { try Int32.decode([0, 0, 0].span) }
    #expect(throws: SQLValueError.malformed) { try Int64.decode([0, 0, 0, 0].span) }
    #expect(throws: SQLValueError.malformed) { try Bool.decode([2].span) }
    #expect(throws: SQLValueError.malformed) { try UUID.decode([1].span) }
    #expect(throws: SQLValueError.malformed) { try JSONText.decode([2, 0x7B].span) }
  }

  @Test func `decoding an array survives every truncation and every flipped byte`() throws {
    let whole = bytes(["one", "", "three"])
    for count in 0..<whole.count {
      #expect(throws: SQLValueError.self) { try [String].decode(Array(whole[..<count]).span) }
    }
    #expect(throws: SQLValueError.malformed) { try [String].decode((whole + [0]).span) }
    for index in whole.indices {
      var flipped = whole
      flipped[index] ^= 0xFF
      do throws(SQLValueError) { _ = try [String].decode(flipped.span) } catch {}
    }
  }

  @Test func `parameters distinguish NULL from an empty value`() {
    var parameters = EncodedParameters()
    parameters.append(String?.none)
    parameters.append("")
    parameters.append(Int32(1))
    #expect(parameters.ranges == [nil, 0..<0, 0..<4])
  }
}
