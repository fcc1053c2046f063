import Protocol

/// Configuration files as people write them.
enum TOMLTarget {
  static func run(_ input: [UInt8]) {
    do throws(TOMLError) {
      let table = try TOMLDocument.parse(input.span, limits: TOMLLimits(documentBytes: 1 << 16, depth: 8, keys: 200))
      precondition(depth(of: .table(table)) <= 9, "the document is deeper than the limit")
    } catch {
      let lines = 1 + input.count { $0 == UInt8(ascii: "\n") }
      precondition((1...lines).contains(error.line) && error.column >= 1, "the defect's place lies outside the text")
    }
  }

  private static func depth(of value: TOMLValue) -> Int {
    switch value {
    case .table(let table): 1 + (table.entries.map { depth(of: $0.value) }.max() ?? 0)
    case .array(let elements): 1 + (elements.map { depth(of: $0) }.max() ?? 0)
    case .string, .integer, .float, .boolean, .offsetDateTime, .localDateTime, .localDate, .localTime: 0
    }
  }
}
