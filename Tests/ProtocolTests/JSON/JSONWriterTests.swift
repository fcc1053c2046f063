import Protocol
import Testing

private func written(_ body: (inout JSONWriter) -> Void) -> String {
  var json = JSONWriter()
  body(&json)
  let bytes = json.finish()
  return bytes.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
}

@Suite struct JSONWriterTests {
  @Test func `a byte that needs an escape gets it wherever it stands in a string`() throws {
    for byte: UInt8 in [0x00, 0x09, 0x0A, 0x1F, 0x20, 0x21, 0x22, 0x5B, 0x5C, 0x5D, 0x7F] {
      for length in 0...18 {
        for place in 0..<max(1, length) {
          var text = [UInt8](repeating: UInt8(ascii: "a"), count: length)
          if length > 0 { text[place] = byte }
          if length > 2 { text[length / 2] = byte }
          let string = String(decoding: text, as: UTF8.self)
          var json = JSONWriter()
          json.value(string)
          let written = json.finish().withUnsafeBytes { [UInt8]($0) }
          #expect(try JSONValue.parse(written.span) == .string(string))
          #expect(!written.contains { $0 < 0x20 })
        }
      }
    }
  }

  @Test func `an id is written as its text`() {
    var json = JSONWriter()
    json.object { $0.member("id", UUID(high: 0, low: 1)) }
    let written = json.finish().withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    #expect(written == #"{"id":"00000000-0000-0000-0000-000000000001"}"#)
  }

  @Test func `commas stand between elements and members and nowhere else`() {
    let text = written { json in
      json.object { json in
        json.member("a", 1)
        json.key("b")
        json.array { json in
          json.value("x")
          json.object { _ in }
          json.array { _ in }
          json.null()
          json.value(true)
        }
        json.key("c")
        json.object { json in json.member("d", false) }
        json.member("e", "f")
        json.member("g", 0.5)
      }
    }
    #expect(text == #"{"a":1,"b":["x",{},[],null,true],"c":{"d":false},"e":"f","g":0.5}"#)
  }

  @Test func `quotes, backslashes and controls are escaped, and the rest is unchanged`() {
    #expect(
      written { $0.value("\"\\/\u{8}\t\n\u{C}\r\0\u{1F}\u{7F}é😀") }
        == #""\"\\/\b\t\n\f\r\u0000\u001f\#u{7F}é😀""#)
  }

  @Test(arguments: [
    0, 0.1, -1.5, 1e21, .leastNonzeroMagnitude, 123_456_789.125, .greatestFiniteMagnitude, 1.0 / 3, -0.0,
  ])
  func `written doubles read back as the same bits`(number: Double) throws {
    let text = Array(written { $0.value(number) }.utf8)
    guard case .double(let read) = try JSONValue.parse(text.span) else {
      Issue.record("not a double")
      return
    }
    #expect(read.bitPattern == number.bitPattern)
  }

  @Test(arguments: [Double.nan, .infinity, -.infinity])
  func `a value that JSON cannot express is written as null`(number: Double) {
    #expect(written { $0.value(number) } == "null")
  }

  @Test func `the extreme integers are written`() {
    #expect(
      written { json in
        json.array { json in
          json.value(Int64.min)
          json.value(UInt64.max)
          json.value(UInt8(7))
        }
      } == "[-9223372036854775808,18446744073709551615,7]")
  }

  @Test func `a writer appends to what the buffer holds, and copies raw JSON`() {
    var buffer = ByteBuffer()
    buffer.append("data: ")
    var json = JSONWriter(appendingTo: buffer)
    json.object { json in
      json.key("raw")
      json.value(json: Array("[1, 2]".utf8).span)
      json.member("after", 1)
    }
    let bytes = json.finish()
    #expect(bytes.withUnsafeBytes { String(decoding: $0, as: UTF8.self) } == #"data: {"raw":[1, 2],"after":1}"#)
  }
}
