import Protocol

/// JSON of the admin requests: accepted JSON can be written, and has the same value when it is read again.
enum JSONTarget {
  static func run(_ input: [UInt8]) {
    let limits = JSONValueLimits(bytes: 1 << 16, depth: 20)
    let value: JSONValue
    do throws(JSONValueError) {
      value = try JSONValue.parse(input.span, limits: limits)
    } catch {
      precondition((0...input.count).contains(error.offset), "the offset of the defect lies outside the text")
      return
    }
    let text = written(value)
    guard let again = read(text) else { preconditionFailure("the written text can't be read") }
    precondition(written(again) == text, "the written text reads as another value")
  }

  private static func read(_ text: [UInt8]) -> JSONValue? {
    do throws(JSONValueError) {
      return try JSONValue.parse(text.span, limits: JSONValueLimits(bytes: 1 << 20, depth: 20))
    } catch {
      return nil
    }
  }

  private static func written(_ value: JSONValue) -> [UInt8] {
    var writer = JSONWriter()
    writer.value(value)
    return writer.finish().withUnsafeBytes { Array($0) }
  }
}
