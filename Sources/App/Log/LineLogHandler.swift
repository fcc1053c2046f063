// Log lines: JSON for machines, plain text on a terminal. In JSON, numbers and booleans have their own types.
// `LogWriter` writes the lines.

import Ground
import Logging
import Protocol
import Synchronization

/// The lowest level that is written, shared by all loggers of a log.
final class LogThreshold: Sendable {
  private let index: Atomic<Int>

  init(_ level: Logger.Level) { index = Atomic(Self.index(of: level)) }

  var level: Logger.Level {
    get { Logger.Level.allCases[index.load(ordering: .relaxed)] }
    set { index.store(Self.index(of: newValue), ordering: .relaxed) }
  }

  private static func index(of level: Logger.Level) -> Int {
    guard let index = Logger.Level.allCases.firstIndex(of: level) else { preconditionFailure("no level: \(level)") }
    return index
  }
}

/// The back end of swift-log.
struct LineLogHandler: LogHandler {
  var metadata: Logger.Metadata = [:]
  private let threshold: LogThreshold
  private let writer: LogWriter

  var logLevel: Logger.Level {
    get { threshold.level }
    set { threshold.level = newValue }
  }

  init(threshold: LogThreshold, writer: LogWriter) {
    self.threshold = threshold
    self.writer = writer
  }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    let fields = metadata.merging(event.metadata ?? [:]) { _, own in own }.sorted { $0.key < $1.key }
    let now = WallClock.unixMicroseconds()
    switch writer.format {
    case .json: writer.append(json(event, fields, now), at: event.level)
    case .text: writer.append(text(event, fields, now), at: event.level)
    }
  }

  private func text(
    _ event: LogEvent, _ fields: [(key: String, value: Logger.MetadataValue)], _ now: Int64
  ) -> [UInt8] {
    let values = fields.map { " \($0.key)=\($0.value)" }.joined()
    return Array("\(RFC3339.text(unixMicroseconds: now)) \(event.level) \(event.message)\(values)".utf8)
  }

  /// The line without its closing brace: the writer ends the line.
  private func json(
    _ event: LogEvent, _ fields: [(key: String, value: Logger.MetadataValue)], _ now: Int64
  ) -> [UInt8] {
    var json = JSONWriter()
    json.object { json in
      json.member("time", RFC3339.text(unixMicroseconds: now))
      json.member("level", event.level.rawValue)
      json.member("message", event.message.description)
      for (key, value) in fields where key != "time" && key != "level" && key != "message" {
        json.key(key)
        switch value {
        case .stringConvertible(let value as any LogValue): value.write(to: &json)
        case .string, .stringConvertible, .dictionary, .array: json.value(value.description)
        }
      }
    }
    let bytes = json.finish()
    return bytes.withUnsafeBytes { Array($0.dropLast()) }
  }
}

/// The value of a field. In JSON a number stays a number.
protocol LogValue: CustomStringConvertible, Sendable {
  func write(to json: inout JSONWriter)
}

extension String: LogValue {
  func write(to json: inout JSONWriter) { json.value(self) }
}

extension Bool: LogValue {
  func write(to json: inout JSONWriter) { json.value(self) }
}

extension Int: LogValue {
  func write(to json: inout JSONWriter) { json.value(self) }
}

extension Int32: LogValue {
  func write(to json: inout JSONWriter) { json.value(self) }
}

extension Int64: LogValue {
  func write(to json: inout JSONWriter) { json.value(self) }
}

extension Double: LogValue {
  func write(to json: inout JSONWriter) { json.value(self) }
}

extension UUID: LogValue {
  func write(to json: inout JSONWriter) { json.value(description) }
}

/// The server's log. Events are fixed texts; values are in fields.
struct ServerLog: Sendable {
  typealias Fields = [String: any LogValue]

  private let logger: Logger
  private let threshold: LogThreshold
  /// Writes the log's lines.
  let writer: LogWriter

  init(_ level: Logger.Level, to writer: LogWriter) {
    let threshold = LogThreshold(level)
    self.threshold = threshold
    self.writer = writer
    logger = Logger(label: "pganalytics", factory: { _ in LineLogHandler(threshold: threshold, writer: writer) })
  }

  /// The lowest level that is written.
  var level: String { threshold.level.rawValue }

  /// Writes lines of this level and above from now on.
  func apply(_ level: Logger.Level) { threshold.level = level }

  func debug(_ event: StaticString, _ fields: @autoclosure () -> Fields = [:]) { log(.debug, event, fields()) }
  func info(_ event: StaticString, _ fields: @autoclosure () -> Fields = [:]) { log(.info, event, fields()) }
  func warning(_ event: StaticString, _ fields: @autoclosure () -> Fields = [:]) { log(.warning, event, fields()) }
  func error(_ event: StaticString, _ fields: @autoclosure () -> Fields = [:]) { log(.error, event, fields()) }

  /// Waits until all lines so far are written, at most a second.
  func flush() { writer.flush() }

  private func log(_ level: Logger.Level, _ event: StaticString, _ fields: @autoclosure () -> Fields) {
    logger.log(level: level, "\(event)", metadata: fields().mapValues { .stringConvertible($0) })
  }
}
