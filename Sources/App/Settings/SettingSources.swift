// Reads settings from a file, the environment and the command line. A later source overrides an earlier one. All faults
// of all sources are reported together.

import Ground
import Protocol

/// The settings, and the source of each that is not a default.
struct ReadSettings: Sendable {
  var settings = Settings()
  /// By name: `file.toml:3`, `PGANALYTICS_LOOPS`, `--set loops`.
  var sources: [String: String] = [:]
  /// Lines about given settings that have no effect.
  var notices: [String] = []
}

extension ServerLog {
  /// Logs the settings without effect. - Returns: the settings.
  @discardableResult
  func note(_ read: ReadSettings) -> Settings {
    for notice in read.notices { warning("setting without effect", ["notice": notice]) }
    return read.settings
  }
}

/// The sources to read.
struct SettingSources: Sendable {
  /// The variable that contains the path of the file.
  static let fileVariable = "PGANALYTICS_CONFIG"
  /// The variables of client commands. They are no settings of a server, and a server ignores them.
  static let clientVariables = [
    "PGANALYTICS_CONTEXT", "PGANALYTICS_URL", "PGANALYTICS_TOKEN", "PGANALYTICS_CA",
  ]

  /// The path of a TOML file with a key for each setting; nil for none.
  var file: String?
  var environment: [String: String] = [:]
  /// Each is `name=value`. The last one with a name counts.
  var overrides: [String] = []
  /// The values of settings that no source sets.
  var defaults = Settings()

  /// Reads all sources. - Throws: all faults.
  func read() throws(SettingErrors) -> ReadSettings {
    var reading = Reading(result: ReadSettings(settings: defaults))
    if let file = file ?? environment[Self.fileVariable] { reading.readFile(file) }
    reading.readEnvironment(environment)
    for override in overrides { reading.readOverride(override) }
    if !reading.errors.isEmpty { throw SettingErrors(errors: reading.errors) }
    return reading.result
  }
}

/// All faults of the settings, one per line.
struct SettingErrors: Error, CustomStringConvertible {
  let errors: [SettingError]
  var description: String { errors.map(\.description).joined(separator: "\n") }
}

private struct Reading {
  private static let declarations = Dictionary(uniqueKeysWithValues: Settings.declarations.map { ($0.name, $0) })

  var result: ReadSettings
  var errors: [SettingError] = []

  mutating func readFile(_ path: String) {
    let bytes: [UInt8]
    do throws(FileError) {
      guard let found = try LocalFile.read(path) else {
        errors.append(SettingError(source: path, problem: "there is no such file"))
        return
      }
      bytes = found
    } catch {
      errors.append(SettingError(source: path, problem: "\(error)"))
      return
    }
    do throws(TOMLError) {
      for entry in try TOMLDocument.parse(bytes.span).entries {
        let line = TOMLDocument.place(of: entry.offset, in: bytes.span).line
        read(entry, from: "\(path):\(line)")
      }
    } catch {
      errors.append(SettingError(source: "\(path):\(error.line):\(error.column)", problem: error.reason.description))
    }
  }

  private mutating func read(_ entry: TOMLTable.Entry, from place: String) {
    let text: String
    switch entry.value {
    case .string(let value): text = value
    case .integer(let value): text = String(value)
    case .float, .boolean, .offsetDateTime, .localDateTime, .localDate, .localTime, .array, .table:
      let problem =
        Self.declarations[entry.key] == nil ? "there is no such setting" : "a text or a whole number is wanted"
      errors.append(SettingError(source: "\(place): \(entry.key)", problem: problem))
      return
    }
    set(entry.key, text, from: place, named: "\(place): \(entry.key)")
  }

  mutating func readEnvironment(_ environment: [String: String]) {
    for declaration in Settings.declarations {
      let name = declaration.environmentVariable
      if let text = environment[name] { set(declaration.name, text, from: name, named: name) }
    }
    let known = Set(
      Settings.declarations.map(\.environmentVariable) + [SettingSources.fileVariable] + SettingSources.clientVariables)
    for name in environment.keys.sorted() where name.hasPrefix("PGANALYTICS_") && !known.contains(name) {
      isNone(String(name.dropFirst("PGANALYTICS_".count)).lowercased(), named: name)
    }
  }

  mutating func readOverride(_ override: String) {
    let parts = override.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2 else {
      errors.append(SettingError(source: "--set \(override)", problem: "there is no such setting"))
      return
    }
    let name = "--set \(parts[0])"
    set(String(parts[0]), String(parts[1]), from: name, named: name)
  }

  /// A setting of an earlier version must not prevent the start: the file may be older than the program.
  private mutating func isNone(_ setting: String, named name: String) {
    if let successor = Settings.gone[setting] {
      result.notices.append("\(name): this setting is gone and has no effect; \(successor)")
    } else {
      errors.append(SettingError(source: name, problem: "there is no such setting"))
    }
  }

  /// - Parameters:
  ///   - source: the origin of the value.
  ///   - name: what an error calls it.
  private mutating func set(_ setting: String, _ text: String, from source: String, named name: String) {
    guard let declaration = Self.declarations[setting] else { return isNone(setting, named: name) }
    do throws(SettingError) {
      try declaration.read(text, from: name, into: &result.settings)
      result.sources[setting] = source
    } catch {
      errors.append(error)
    }
  }
}
