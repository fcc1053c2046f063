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

  /// By how much each number grew since `earlier`. What is new counts from 0.
  func growth(since earlier: PrometheusPage) -> [String: Double] {
    var growth: [String: Double] = [:]
    for (name, value) in values {
      let difference = value - (earlier.values[name] ?? 0)
      if difference != 0 { growth[name] = difference }
    }
    return growth
  }
}
