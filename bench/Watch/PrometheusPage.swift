// Parses a page of metrics in the text format of Prometheus (0.0.4).

/// The numbers of one page.
struct PrometheusPage: Sendable, Equatable {
  /// The values by name and labels, as written: `requests_total{code="200"}`.
  private(set) var values: [String: Double] = [:]

  init() {}

  /// Parses a page. A line without a number is ignored, so that one bad line does not spoil the page.
  init(_ text: String) {
    for line in text.split(separator: "\n") where !line.hasPrefix("#") {
      // Labels may contain spaces; the number and the time behind it do not.
      let end = line.lastIndex(of: "}").map { line.index(after: $0) } ?? line.firstIndex(of: " ") ?? line.endIndex
      guard let word = line[end...].split(separator: " ").first, let value = Double(word) else { continue }
      values[String(line[..<end])] = value
    }
  }

  /// Returns the value of a name, or the sum over its labels; nil if the page does not have the name.
  func sum(_ name: String) -> Double? {
    if let value = values[name] { return value }
    let labelled = values.filter { $0.key.hasPrefix(name + "{") }
    return labelled.isEmpty ? nil : labelled.values.reduce(0, +)
  }

  /// Stored rows of metrics, without the names of objects and the texts that rows refer to.
  var rowsStored: Double? {
    guard let all = sum(Self.rowsName) else { return nil }
    return ["objects", "texts"].reduce(all) { $0 - (values["\(Self.rowsName){table=\"\($1)\"}"] ?? 0) }
  }

  private static let rowsName = "pganalytics_rows_stored_total"

  /// Returns the growth of each value since `earlier`, without values that did not change. A new value grows from 0.
  func growth(since earlier: PrometheusPage) -> PrometheusPage {
    var growth = PrometheusPage()
    for (name, value) in values {
      let difference = value - (earlier.values[name] ?? 0)
      if difference != 0 { growth.values[name] = difference }
    }
    return growth
  }
}
