import Testing

@testable import Protocol

struct ByteBufferTextTests {
  private func text(_ write: (inout ByteBuffer) -> Void) -> String {
    var buffer = ByteBuffer()
    write(&buffer)
    return buffer.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
  }

  @Test func `decimal digits equal the number's description around every power of ten`() {
    var numbers: [Int] = [0, .min, .max, .min + 1, .max - 1]
    var power = 1
    for _ in 0..<18 {
      power *= 10
      numbers += [power - 1, power, power + 1, -power - 1, -power, 1 - power]
    }
    for number in numbers { #expect(text { $0.append(decimal: number) } == number.description) }
  }

  @Test(arguments: [0, 1, 0x0123_4567_89AB_CDEF, UInt64.max])
  func `a word is written with sixteen hex digits`(word: UInt64) {
    let digits = String(word, radix: 16)
    #expect(text { $0.append(hex: word) } == String(repeating: "0", count: 16 - digits.count) + digits)
  }

  @Test func `an id is written as its description`() {
    let id = UUID(high: 0x0123_4567_89AB_CDEF, low: 0xFEDC_BA98_7654_3210)
    #expect(text { $0.append(id) } == "01234567-89ab-cdef-fedc-ba9876543210")
    #expect(id.description == "01234567-89ab-cdef-fedc-ba9876543210")
  }
}
