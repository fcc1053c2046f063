import Protocol

/// JSON of the admin lane: what is accepted can be written, and is the same when it is read again.
enum JSONTarget {
  static func run(_ input: [UInt8]) {
    let limits = JSONValueLimits(bytes: 1 << 16, depth: 20)
    let value: JSONValue
    do throws(JSONValueError) {
      value = try JSONValue.parse(input.span, limits: limits)
    } catch {
      precondition((0...input.count).contains(error.offset), "the defect is outside of the text")
      return
    }
    let text = written(value)
    guard let again = read(text) else { preconditionFailure("what was written can't be read") }
    precondition(written(again) == text, "what was written is read as something else")
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
