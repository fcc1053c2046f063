// Expectations of a run: `p99<200ms`, `refused=0`, `reads.p99<=1.5s`. Scripts use them through the exit status.

import ArgumentParser
internal import Reactor

/// A limit for a figure of the report.
struct Expectation: Sendable, Equatable {
  enum Comparison: String, CaseIterable {
    // The longer signs come first, because `<=` begins with `<`.
    case atMost = "<="
    case atLeast = ">="
    case notEqual = "!="
    case less = "<"
    case more = ">"
    case equal = "="

    func holds(_ left: Double, _ right: Double) -> Bool {
      switch self {
      case .atMost: left <= right
      case .atLeast: left >= right
      case .notEqual: left != right
      case .less: left < right
      case .more: left > right
      case .equal: left == right
      }
    }
  }

  /// A figure of the report: a count, a rate, or a latency in milliseconds.
  enum Figure: Equatable {
    case count(String)
    case rate(String)
    case latency(of: String, at: String)
  }

  /// The value in the report, as a number and as text for people.
  struct Found {
    let value: Double
    let text: String
  }

  static let rates = ["pushes_per_second", "rows_per_second", "reads_per_second"]
  private static let histograms = [
    "push": "push_latency_ms", "service": "service_latency_ms", "commit": "commit_latency_ms",
    "connect": "connect_latency_ms", "handshake": "handshake_latency_ms", "enrolment": "enrolment_latency_ms",
  ]
  private static let readCounts = ["reads", "reads_failed"]

  /// The text of the option.
  let text: String
  let figure: Figure
  let comparison: Comparison
  /// The limit. For a latency it is in milliseconds.
  let value: Double

  /// - Throws: `UsageError` for a text that is no expectation.
  init(_ text: String) throws(UsageError) {
    func wrong(_ why: String) -> UsageError { UsageError(description: "--expect '\(text)': \(why)") }
    self.text = text
    let plain = text.filter { $0 != " " }
    guard let sign = plain.firstIndex(where: { "<>=!".contains($0) }),
      let comparison = Comparison.allCases.first(where: { plain[sign...].hasPrefix($0.rawValue) })
    else { throw wrong("no comparison in it, such as p99<200ms or refused=0") }
    self.comparison = comparison
    let name = String(plain[..<sign])
    let right = String(plain[sign...].dropFirst(comparison.rawValue.count))
    guard let figure = Self.figure(name) else {
      let names = (Tally.counts.map(\.name) + Self.readCounts + Self.rates).joined(separator: ", ")
      throw wrong(
        "there is no figure \"\(name)\"; there are p50, p90, p99, p99.9, p99.99, mean and max of push latency, the same of "
          + "others as service.p99, commit, connect, handshake, enrolment, reads, and \(names)")
    }
    self.figure = figure
    switch figure {
    case .latency:
      guard let span = TimeSpan(argument: right) else { throw wrong("a time with its unit is wanted, such as 200ms") }
      value = span.duration.inMilliseconds
    case .count, .rate:
      guard let number = Double(right), number.isFinite else { throw wrong("a number is wanted behind the comparison") }
      value = number
    }
  }

  private static func figure(_ name: String) -> Figure? {
    if Tally.counts.contains(where: { $0.name == name }) || readCounts.contains(name) { return .count(name) }
    if rates.contains(name) { return .rate(name) }
    let parts = name.split(separator: ".", maxSplits: 1).map(String.init)
    if parts.count == 2, histograms[parts[0]] != nil || parts[0] == "reads", isPlace(parts[1]) {
      return .latency(of: parts[0], at: parts[1])
    }
    return isPlace(name) ? .latency(of: "push", at: name) : nil
  }

  private static func isPlace(_ name: String) -> Bool {
    name == "mean" || name == "max" || Report.percentiles.contains { $0.0 == name }
  }

  /// Returns the value in `report`.
  func found(in report: Report) -> Found {
    switch figure {
    case .count(let name):
      let count =
        switch name {
        case "reads": report.reads?.answered ?? 0
        case "reads_failed": report.reads?.failed ?? 0
        default: Tally.counts.first { $0.name == name }.map { report.tally[keyPath: $0.path] } ?? 0
        }
      return Found(value: Double(count), text: "\(count)")
    case .rate(let name):
      let rate =
        switch name {
        case "pushes_per_second": report.pushesPerSecond
        case "rows_per_second": report.rowsPerSecond
        default: report.readsPerSecond
        }
      return Found(value: rate, text: Report.rounded(rate, 2))
    case .latency(let kind, let place):
      let histogram =
        kind == "reads" ? report.reads?.latency ?? DurationHistogram() : report.histogram(Self.histograms[kind]!)
      // Without a measurement no limit holds.
      if histogram.count == 0 { return Found(value: .nan, text: "nothing was measured") }
      let duration =
        switch place {
        case "mean": histogram.mean
        case "max": histogram.maximum
        default: histogram.percentile(Report.percentiles.first { $0.0 == place }!.1)
        }
      return Found(value: duration.inMilliseconds, text: Report.rounded(duration.inMilliseconds, 3) + " ms")
    }
  }

  /// Whether the limit holds.
  func isMet(by report: Report) -> Bool { comparison.holds(found(in: report).value, value) }
}
