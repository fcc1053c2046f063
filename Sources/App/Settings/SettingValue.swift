// The texts of settings, such as `64MiB`, `10s`, `4`. Every text that is printed can be read again.

import Ground
import Reactor

/// Why a setting is invalid. `description` is a sentence for the terminal.
struct SettingError: Error, CustomStringConvertible {
  let source: String
  let problem: String
  var description: String { "\(source): \(problem)" }
}

/// Reads and prints sizes and times.
enum SettingValue {
  private static let byteUnits: [(String, Int)] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)]

  static func bytes(_ text: String) -> Int? {
    for (unit, factor) in byteUnits where text.hasSuffix(unit) {
      guard let number = Int(text.dropLast(unit.count)) else { continue }
      let (value, overflow) = number.multipliedReportingOverflow(by: factor)
      return overflow ? nil : value
    }
    return Int(text)
  }

  static func print(bytes: Int) -> String {
    for (unit, factor) in byteUnits where factor > 1 && bytes >= factor && bytes % factor == 0 {
      return "\(bytes / factor)\(unit)"
    }
    return "\(bytes)B"
  }

  static func time(_ text: String) -> Duration? {
    // From the smallest on: `ms` ends in `s`.
    for (unit, factor) in Duration.units.reversed() where text.hasSuffix(unit) {
      guard let number = Int64(text.dropLast(unit.count)) else { continue }
      let (value, overflow) = number.multipliedReportingOverflow(by: factor)
      return overflow ? nil : .nanoseconds(value)
    }
    return nil
  }

  static func print(time: Duration) -> String { time.shortText }
}

extension SettingDeclaration {
  /// Reads `text` into `settings`. - Parameter source: the origin of the text, for the error (`PGANALYTICS_LOOPS`).
  func read(_ text: String, from source: String, into settings: inout Settings) throws(SettingError) {
    switch field {
    case .text(let path): settings[keyPath: path] = text
    case .word(let path, let words):
      guard words.contains(text) else {
        throw SettingError(source: source, problem: "\"\(text)\" is none of \(words.joined(separator: ", "))")
      }
      settings[keyPath: path] = text
    case .count(let path, let range):
      guard let value = Int(text) else {
        throw SettingError(source: source, problem: "\"\(text)\" is not a whole number")
      }
      guard range.contains(value) else {
        throw SettingError(source: source, problem: "\(value) is not in \(range.lowerBound)...\(range.upperBound)")
      }
      settings[keyPath: path] = value
    case .bytes(let path, let range):
      guard let value = SettingValue.bytes(text) else {
        throw SettingError(source: source, problem: "\"\(text)\" is not a size such as 64MiB, 16KiB or 1024")
      }
      guard range.contains(value) else {
        throw SettingError(
          source: source,
          problem: "\(text) is not in \(SettingValue.print(bytes: range.lowerBound))"
            + "...\(SettingValue.print(bytes: range.upperBound))")
      }
      settings[keyPath: path] = value
    case .time(let path, let range):
      guard let value = SettingValue.time(text) else {
        throw SettingError(source: source, problem: "\"\(text)\" is not a time such as 500ms, 10s, 15min, 12h or 30d")
      }
      settings[keyPath: path] = try checked(value, text, from: source, range)
    case .networks(let path):
      settings[keyPath: path] = try text.filter { $0 != " " }.split(separator: ",").map { part throws(SettingError) in
        guard let network = IPNetwork(String(part)) else {
          throw SettingError(source: source, problem: "\"\(part)\" is not a network such as 10.0.0.0/8 or 2001:db8::1")
        }
        return network
      }
    case .times(let path, let names, let range):
      settings[keyPath: path] = try times(text, from: source, of: names, range)
    }
  }

  private func checked(
    _ value: Duration, _ text: String, from source: String, _ range: ClosedRange<Duration>
  ) throws(SettingError) -> Duration {
    guard range.contains(value) else {
      throw SettingError(
        source: source,
        problem: "\(text) is not in \(SettingValue.print(time: range.lowerBound))"
          + "...\(SettingValue.print(time: range.upperBound))")
    }
    return value
  }

  private func times(
    _ text: String, from source: String, of names: [String], _ range: ClosedRange<Duration>
  ) throws(SettingError) -> [String: Duration] {
    var times: [String: Duration] = [:]
    for part in text.filter({ $0 != " " }).split(separator: ",") {
      let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      guard pair.count == 2, let value = SettingValue.time(pair[1]) else {
        throw SettingError(source: source, problem: "\"\(part)\" is not a name and a time such as \(names[0])=7d")
      }
      guard names.contains(pair[0]) else {
        throw SettingError(source: source, problem: "\"\(pair[0])\" is none of \(names.joined(separator: ", "))")
      }
      guard times.updateValue(try checked(value, pair[1], from: source, range), forKey: pair[0]) == nil else {
        throw SettingError(source: source, problem: "\(pair[0]) is given twice")
      }
    }
    return times
  }

  /// The setting's value as a text that `read` accepts.
  func print(_ settings: Settings) -> String {
    switch field {
    case .text(let path), .word(let path, _): settings[keyPath: path]
    case .count(let path, _): String(settings[keyPath: path])
    case .bytes(let path, _): SettingValue.print(bytes: settings[keyPath: path])
    case .time(let path, _): SettingValue.print(time: settings[keyPath: path])
    case .networks(let path): settings[keyPath: path].map(\.description).joined(separator: ",")
    case .times(let path, _, _):
      settings[keyPath: path].sorted { $0.key < $1.key }
        .map { "\($0.key)=\(SettingValue.print(time: $0.value))" }.joined(separator: ",")
    }
  }

  /// Copies the setting's value.
  func copy(from other: Settings, to settings: inout Settings) {
    switch field {
    case .text(let path), .word(let path, _): settings[keyPath: path] = other[keyPath: path]
    case .count(let path, _), .bytes(let path, _): settings[keyPath: path] = other[keyPath: path]
    case .time(let path, _): settings[keyPath: path] = other[keyPath: path]
    case .networks(let path): settings[keyPath: path] = other[keyPath: path]
    case .times(let path, _, _): settings[keyPath: path] = other[keyPath: path]
    }
  }
}
