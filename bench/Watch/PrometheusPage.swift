// What a server counts, in the text that Prometheus reads (text format 0.0.4).

/// The numbers of one page.
struct PrometheusPage: Sendable, Equatable {
  /// By name with labels, as written: `requests_total{code="200"}`.
  private(set) var values: [String: Double] = [:]

  init() {}

  /// Lines that say no number are passed over: a page is another program's, and one odd line spoils only itself.
  init(_ text: String) {
    for line in text.split(separator: "\n") where !line.hasPrefix("#") {
      // Labels may hold spaces, the number and the time behind it don't.
      let end = line.lastIndex(of: "}").map { line.index(after: $0) } ?? line.firstIndex(of: " ") ?? line.endIndex
      guard let word = line[end...].split(separator: " ").first, let value = Double(word) else { continue }
      values[String(line[..<end])] = value
    }
  }

  /// One number; nil if the page has none of this name, with or without labels. Several are added up.
  func sum(_ name: String) -> Double? {
    if let value = values[name] { return value }
    let labelled = values.filter { $0.key.hasPrefix(name + "{") }
    return labelled.isEmpty ? nil : labelled.values.reduce(0, +)
  }

  /// Rows of metrics, by table, without the names of objects and texts that rows refer to.
  var rowsStored: Double? {
    guard let all = sum(Self.rowsName) else { return nil }
    return ["objects", "texts"].reduce(all) { $0 - (values["\(Self.rowsName){table=\"\($1)\"}"] ?? 0) }
  }

  private static let rowsName = "pganalytics_rows_stored_total"

  /// By how much each number grew since `earlier`; without those that did not. What is new counts from 0.
  func growth(since earlier: PrometheusPage) -> PrometheusPage {
    var growth = PrometheusPage()
    for (name, value) in values {
      let difference = value - (earlier.values[name] ?? 0)
      if difference != 0 { growth.values[name] = difference }
    }
    return growth
  }
}
