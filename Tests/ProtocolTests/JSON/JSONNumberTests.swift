import Testing

@testable import Protocol

#if canImport(Glibc)
  import Glibc
#endif

@Suite struct JSONNumberTests {
  private func double(_ text: String) -> Result<Double, DecodeFault> {
    let bytes = Array(text.utf8)
    var cursor = JSONCursor(bytes.span)
    do throws(DecodeFault) {
      let number = try cursor.number()
      guard cursor.position == bytes.count else { return .failure(.malformed(.trailingBytes, at: cursor.position)) }
      return .success(try number.asDouble(in: bytes.span))
    } catch { return .failure(error) }
  }

  private func integer(_ text: String) -> Result<Int64, DecodeFault> {
    // With a comma behind it, as in a row, the number is read by the fast loop; without one by the general reader. Both
    // must agree.
    var results: [Result<Int64, DecodeFault>] = []
    for tail in [",", "", " "] {
      let bytes = Array((text + tail).utf8)
      var cursor = JSONCursor(bytes.span)
      do throws(DecodeFault) {
        let value = try cursor.integer()
        results.append(
          cursor.position == text.utf8.count ? .success(value) : .failure(.malformed(.trailingBytes, at: 0)))
      } catch { results.append(.failure(error)) }
    }
    #expect(results[0] == results[2], "\(text)")
    return results[0]
  }

  @Test(
    arguments: [
      ("0", 0), ("-0", 0), ("1", 1), ("-1", -1), ("9", 9), ("10", 10), ("123456789012345678", 123_456_789_012_345_678),
      ("1234567890123456789", 1_234_567_890_123_456_789), ("9223372036854775807", .max), ("-9223372036854775808", .min),
      ("5.0", 5), ("5.000", 5), ("-5.0e0", -5), ("1e3", 1000), ("1.5e1", 15), ("25e-1", nil), ("0.5", nil),
      ("9007199254740992.0", 9_007_199_254_740_992), ("9.007199254740992e15", 9_007_199_254_740_992),
    ] as [(String, Int64?)])
  func `an integer is read, and so is a float with an integer value`(text: String, expected: Int64?) {
    #expect(integer(text) == (expected.map { .success($0) } ?? .failure(.reject(.wrongType))))
  }

  @Test(arguments: [
    "9223372036854775808", "-9223372036854775809", "18446744073709551616", "99999999999999999999999", "1e16", "1e400",
    "9007199254740994.0", "-1e300",
  ])
  func `an integer beyond 64 bits and a float beyond 2^53 are refused`(text: String) {
    #expect(integer(text) == .failure(.reject(.outOfRange)))
  }

  @Test(arguments: ["01", "-", "-a", "+1", ".5", "1.", "1.e3", "1e", "1e+", "--1", "0x1", "00", "-01", "NaN"])
  func `a text that is no number is refused`(text: String) {
    guard case .failure(.malformed) = double(text) else {
      Issue.record("\(text) was read")
      return
    }
    guard case .failure(.malformed) = integer(text) else {
      Issue.record("\(text) was read as an integer")
      return
    }
  }

  @Test(
    arguments: [
      ("0", 0), ("-0.0", -0.0), ("1e22", 1e22), ("1e23", 1e23), ("9007199254740993", 9_007_199_254_740_992),
      ("9007199254740993.00000000000000000000000000000000000001", 9_007_199_254_740_994),
      ("2.2250738585072014e-308", 2.2250738585072014e-308),
      ("2.2250738585072011e-308", Double(bitPattern: 0x000F_FFFF_FFFF_FFFF)),
      ("4.9e-324", .leastNonzeroMagnitude), ("2.4703282292062328e-324", .leastNonzeroMagnitude),
      ("2.4703282292062327e-324", 0), ("1e-400", 0),
      ("0e999999999999", 0), ("-0e-999999999999", -0.0), ("1.7976931348623157e308", Double.greatestFiniteMagnitude),
      ("17976931348623157" + String(repeating: "0", count: 292), Double.greatestFiniteMagnitude),
      ("0." + String(repeating: "0", count: 400) + "1e401", 1),
      ("1" + String(repeating: "0", count: 2000) + "e-2000", 1),
    ] as [(String, Double)])
  func `a number becomes the nearest double`(text: String, expected: Double) {
    guard case .success(let value) = double(text) else {
      Issue.record("\(text) was refused")
      return
    }
    #expect(value.bitPattern == expected.bitPattern)
  }

  @Test(arguments: [
    "1e309", "-1e309", "1.7976931348623159e308", "1e99999999999999999999", "9" + String(repeating: "9", count: 400),
  ])
  func `a double that would be infinite is refused`(text: String) {
    #expect(double(text) == .failure(.reject(.outOfRange)))
  }

  /// A halfway point needs up to 767 digits to distinguish it from its neighbours. These numbers have more.
  @Test func `the last of a thousand digits decides the rounding`() {
    let tail = String(repeating: "0", count: 1000)
    #expect(double("9007199254740993." + tail) == .success(9_007_199_254_740_992))
    #expect(double("9007199254740993." + tail + "1") == .success(9_007_199_254_740_994))
  }

  @Test func `random numbers agree with strtod`() {
    for seed in SeededGenerator.fuzzSeeds("JSONNumber") {
      var generator = SeededGenerator(seed: seed)
      for _ in 0..<6000 {
        let text: String
        switch Int.random(in: 0..<4, using: &generator) {
        case 0:
          let value = Double(bitPattern: generator.next())
          guard value.isFinite else { continue }
          text = value.description
        case 1:
          text = "\(Int64.random(in: -1_000_000...1_000_000, using: &generator))." + "\(generator.next() % 1_000_000)"
        case 2: text = "\(generator.next())\(generator.next()).\(generator.next())e-\(generator.next() % 330)"
        default: text = "\(generator.next())e\(Int.random(in: -330...290, using: &generator))"
        }
        guard case .success(let value) = double(text) else {
          #expect(!strtod(text, nil).isFinite, "\(text) was refused, seed \(seed)")
          continue
        }
        #expect(value.bitPattern == strtod(text, nil).bitPattern, "\(text), seed \(seed)")
      }
    }
  }
}
