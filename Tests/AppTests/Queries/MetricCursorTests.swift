import Protocol
import Testing

@testable import App

@Suite struct MetricCursorTests {
  private let cursor = MetricCursor(
    start: Timestamp(unixSeconds: 100), end: Timestamp(unixSeconds: 200),
    position: .init(time: Timestamp(unixSeconds: 150), keys: [-7, .max], seen: 3))

  @Test func `a cursor decodes to the same cursor`() throws {
    let text = cursor.encode(for: 42)
    #expect(try MetricCursor(text, for: 42, keyCount: 2) == cursor)
    #expect(text.utf8.allSatisfy { $0 < 0x80 } && text.utf8.count <= 256)
  }

  @Test func `a cursor is refused for another query`() {
    #expect(throws: MetricCursor.Unusable.foreign) {
      try MetricCursor(cursor.encode(for: 42), for: 43, keyCount: 2)
    }
  }

  @Test func `a cursor that is cut, longer or of another number of keys is refused`() {
    let text = cursor.encode(for: 42)
    for wrong in [String(text.dropLast(4)), text + "AAAA", "", "o5", "!!!!", String(repeating: "A", count: 256)] {
      #expect(throws: MetricCursor.Unusable.self) { try MetricCursor(wrong, for: 42, keyCount: 2) }
    }
    #expect(throws: MetricCursor.Unusable.malformed) { try MetricCursor(text, for: 42, keyCount: 1) }
  }

  @Test(arguments: [(200, 100, 150, 1), (100, 200, 200, 1), (100, 200, 150, 0)])
  func `a cursor with a position that no answer has is refused`(
    _ start: Int64, _ end: Int64, _ time: Int64, _ seen: Int64
  ) {
    let odd = MetricCursor(
      start: Timestamp(unixSeconds: start), end: Timestamp(unixSeconds: end),
      position: .init(time: Timestamp(unixSeconds: time), keys: [], seen: seen))
    #expect(throws: MetricCursor.Unusable.malformed) { try MetricCursor(odd.encode(for: 1), for: 1, keyCount: 0) }
  }
}
