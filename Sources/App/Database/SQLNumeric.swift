// PostgreSQL's binary `numeric` (numeric_send): groups of four decimal digits, the weight of the first group, a sign,
// and the number of digits shown after the point.

enum SQLNumeric {
  private static let negative = 0x4000
  private static let special: Set = [0xC000, 0xD000, 0xF000]

  /// The number in decimal digits, as in JSON; `null` for NaN and infinity.
  static func text(_ value: Span<UInt8>) -> String {
    func word(_ index: Int) -> Int { Int(value[2 * index]) << 8 | Int(value[2 * index + 1]) }
    let (count, weight, sign, scale) = (word(0), Int(Int16(truncatingIfNeeded: word(1))), word(2), word(3))
    if special.contains(sign) { return "null" }
    func group(_ position: Int) -> String {
      let index = weight - position
      let digits = String(index >= 0 && index < count ? word(4 + index) : 0)
      return String(repeating: "0", count: 4 - digits.count) + digits
    }
    var whole = ""
    for position in stride(from: max(weight, 0), through: 0, by: -1) { whole += group(position) }
    whole = String(whole.drop { $0 == "0" })
    var fraction = ""
    var position = -1
    while fraction.count < scale {
      fraction += group(position)
      position -= 1
    }
    let text = (whole.isEmpty ? "0" : whole) + (scale > 0 ? "." + fraction.prefix(scale) : "")
    return sign == negative ? "-" + text : text
  }
}
