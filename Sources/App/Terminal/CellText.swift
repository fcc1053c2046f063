// The cells of a table: values for people, with units and local times.

import Glibc
import Protocol

/// A column of an answer.
struct AnswerColumn: Equatable, Sendable {
  let name: String
  var schema: Schema?

  /// The unit of its numbers, from the declaration or from the end of its name; empty: none.
  var unit: String {
    if let unit = schema?.unit, !unit.isEmpty { return unit }
    let endings = [
      ("_bytes", "bytes"), ("_mb", "megabytes"), ("_gb", "gigabytes"), ("_ms", "milliseconds"),
      ("_seconds", "seconds"), ("_percent", "percent"),
    ]
    return endings.first { name.hasSuffix($0.0) }?.1 ?? ""
  }

  var isTime: Bool {
    if let schema, schema.format == "date-time" || schema.unit == "time" { return true }
    return name == "time" || name.hasSuffix("_at") || name.hasSuffix("_time") && schema?.kind != .number
  }

  var isNumber: Bool { schema?.kind == .integer || schema?.kind == .number }
}

/// Writes values as cells.
struct CellText: Sendable {
  func text(_ value: JSONValue, _ column: AnswerColumn) -> String {
    switch value {
    case .null: return ""
    case .bool(let flag): return flag ? "yes" : "no"
    case .integer(let number): return Self.number(Double(number), whole: number, column)
    case .double(let number): return Self.number(number, whole: nil, column)
    case .string(let text):
      if column.isTime, let time = RFC3339.unixMicroseconds(text) { return Self.local(time) }
      return text
    case .array(let elements): return elements.map { setting($0) ?? inner($0, column) }.joined(separator: ", ")
    case .object(let object):
      return object.members.map { "\($0.name)=\(inner($0.value, AnswerColumn(name: $0.name)))" }.joined(separator: ", ")
    }
  }

  /// An object with a name, a value and possibly a unit, as `name=value`; nil for any other value.
  func setting(_ value: JSONValue) -> String? {
    guard let name = value[member: "name"]?.string, let set = value[member: "value"] else { return nil }
    let unit = value[member: "unit"]?.string ?? ""
    var schema = Schema(.number)
    schema.unit = unit
    let text = text(set, AnswerColumn(name: name, schema: schema))
    let isWritten = unit.isEmpty || text != self.text(set, AnswerColumn(name: "value", schema: Schema(.number)))
    return "\(name)=\(text)" + (isWritten ? "" : " " + unit)
  }

  private func inner(_ value: JSONValue, _ column: AnswerColumn) -> String {
    switch value {
    case .object, .array: CommandValue.compact(value)
    case .null, .bool, .integer, .double, .string: text(value, column)
    }
  }

  private static func number(_ number: Double, whole: Int64?, _ column: AnswerColumn) -> String {
    switch column.unit {
    case "bytes": bytes(number)
    case "megabytes": bytes(number * 1_048_576)
    case "gigabytes": bytes(number * 1_073_741_824)
    case "milliseconds": duration(number / 1000)
    case "seconds": duration(number)
    case "percent": decimal(number, places: 1) + " %"
    default:
      if column.name == "id" || column.name.hasSuffix("_id") || column.name == "port" {
        whole.map { String($0) } ?? decimal(number, places: 3)
      } else {
        whole.map { grouped(String($0)) } ?? decimal(number, places: 3)
      }
    }
  }

  static func bytes(_ number: Double) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"]
    var (size, index) = (abs(number), 0)
    while size >= 1024, index < units.count - 1 {
      size /= 1024
      index += 1
    }
    return (number < 0 ? "-" : "") + decimal(size, places: index == 0 ? 0 : 1) + " " + units[index]
  }

  /// - Parameter seconds: may be a fraction.
  static func duration(_ seconds: Double) -> String {
    let size = abs(seconds)
    if size == 0 { return "0 s" }
    if size < 0.001 { return decimal(seconds * 1_000_000, places: 0) + " µs" }
    if size < 1 { return decimal(seconds * 1000, places: 1) + " ms" }
    if size < 60 { return decimal(seconds, places: 1) + " s" }
    guard size < 1e12 else { return decimal(seconds, places: 0) + " s" }
    let whole = Int(size.rounded())
    let (days, hours, minutes) = (whole / 86_400, whole / 3600 % 24, whole / 60 % 60)
    let text =
      days > 0 ? "\(days) d \(hours) h" : hours > 0 ? "\(hours) h \(minutes) min" : "\(minutes) min \(whole % 60) s"
    return (seconds < 0 ? "-" : "") + text
  }

  /// A number with at most `places` digits behind the point, and groups of three before it.
  static func decimal(_ number: Double, places: Int) -> String {
    guard number.isFinite, abs(number) < 1e15 else { return "\(number)" }
    var scale = 1.0
    for _ in 0..<places { scale *= 10 }
    let scaled = Int64((abs(number) * scale).rounded())
    let (whole, rest) = scaled.quotientAndRemainder(dividingBy: Int64(scale))
    var fraction = String(rest)
    fraction = String(repeating: "0", count: places - min(places, fraction.count)) + fraction
    while fraction.last == "0" { fraction.removeLast() }
    let sign = number < 0 && scaled != 0 ? "-" : ""
    return sign + grouped(String(whole)) + (fraction.isEmpty || places == 0 ? "" : "." + fraction)
  }

  private static func grouped(_ digits: String) -> String {
    let isNegative = digits.first == "-"
    let bare = isNegative ? digits.dropFirst() : digits[...]
    if bare.count < 5 { return digits }
    var text = ""
    for (index, digit) in bare.enumerated() {
      if index > 0, (bare.count - index) % 3 == 0 { text.append(",") }
      text.append(digit)
    }
    return (isNegative ? "-" : "") + text
  }

  /// A time in the zone of this machine (TZ), to the second.
  static func local(_ unixMicroseconds: Int64) -> String {
    var seconds = time_t(
      unixMicroseconds >= 0 ? unixMicroseconds / 1_000_000 : (unixMicroseconds - 999_999) / 1_000_000)
    var parts = tm()
    guard localtime_r(&seconds, &parts) != nil else { return RFC3339.text(unixMicroseconds: unixMicroseconds) }
    var text = [CChar](repeating: 0, count: 64)
    let count = strftime(&text, text.count, "%Y-%m-%d %H:%M:%S", &parts)
    return String(decoding: text.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
