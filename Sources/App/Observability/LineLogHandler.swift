// Log lines on standard error: JSON for machines, plain text on a terminal. One write(2) a line.

import Glibc
import Logging
import Protocol
import Synchronization

/// The least level that is written, of all loggers that share it.
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
  private let isTerminal: Bool

  var logLevel: Logger.Level {
    get { threshold.level }
    set { threshold.level = newValue }
  }

  init(threshold: LogThreshold) {
    self.threshold = threshold
    isTerminal = isatty(STDERR_FILENO) == 1
  }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    let fields = metadata.merging(event.metadata ?? [:]) { _, own in own }.sorted { $0.key < $1.key }
    let now = WallClock.unixMicroseconds()
    var line = isTerminal ? text(event, fields, now) : json(event, fields, now)
    line.append(UInt8(ascii: "\n"))
    // A log that cannot be written must not stop the server, and there is nowhere to say so.
    _ = line.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
  }

  private func text(
    _ event: LogEvent, _ fields: [(key: String, value: Logger.MetadataValue)], _ now: Int64
  ) -> [UInt8] {
    let values = fields.map { " \($0.key)=\($0.value)" }.joined()
    return Array("\(Timestamp(unixMicroseconds: now).rfc3339) \(event.level) \(event.message)\(values)".utf8)
  }

  private func json(
    _ event: LogEvent, _ fields: [(key: String, value: Logger.MetadataValue)], _ now: Int64
  ) -> [UInt8] {
    var json = JSONWriter()
    json.object { json in
      json.member("time", Timestamp(unixMicroseconds: now).rfc3339)
      json.member("level", event.level.rawValue)
      json.member("message", event.message.description)
      for (key, value) in fields where key != "time" && key != "level" && key != "message" {
        json.member(key, value.description)
      }
    }
    let bytes = json.finish()
    return bytes.withUnsafeBytes { Array($0) }
  }
}

/// The server's log: events as fixed texts, values as fields.
struct ServerLog: Sendable {
  private let logger: Logger
  private let threshold: LogThreshold

  init(_ settings: Settings) {
    let threshold = LogThreshold(settings.loggedLevel)
    self.threshold = threshold
    logger = Logger(label: "pganalytics", factory: { _ in LineLogHandler(threshold: threshold) })
  }

  /// The least level that is written.
  var level: String { threshold.level.rawValue }

  /// Follows `log_level`.
  func use(_ settings: Settings) { threshold.level = settings.loggedLevel }

  func debug(_ event: StaticString, _ fields: @autoclosure () -> [String: String] = [:]) {
    logger.debug("\(event)", metadata: fields().mapValues { .string($0) })
  }
  func info(_ event: StaticString, _ fields: @autoclosure () -> [String: String] = [:]) {
    logger.info("\(event)", metadata: fields().mapValues { .string($0) })
  }
  func warning(_ event: StaticString, _ fields: @autoclosure () -> [String: String] = [:]) {
    logger.warning("\(event)", metadata: fields().mapValues { .string($0) })
  }
  func error(_ event: StaticString, _ fields: @autoclosure () -> [String: String] = [:]) {
    logger.error("\(event)", metadata: fields().mapValues { .string($0) })
  }
}

extension Settings {
  fileprivate var loggedLevel: Logger.Level {
    guard let level = Logger.Level(rawValue: logLevel) else {
      preconditionFailure("log_level is checked when it is read")
    }
    return level
  }
}
