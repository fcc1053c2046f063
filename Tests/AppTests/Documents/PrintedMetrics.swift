import Protocol
import Reactor

@testable import App

/// The content of /metrics for docs/METRICS.md, read from pages of a server.
enum PrintedMetrics {
  private struct Family {
    let name: String
    let help: String
    var kind = ""
    var label: Label?
  }

  private struct Label: Equatable {
    let name: String
    var values: [String] = []
  }

  /// A label with more values has them listed below the table.
  private static let shownValues = 10

  /// A page with all families.
  /// - Parameter isBusy: whether each label of an open set has a value.
  static func page(isBusy: Bool) -> String {
    let targets = CompiledCatalog().targets
    var counters = LaneCounters(targets: targets.count)
    if isBusy {
      counters.pushesRefused[.overloaded] = 1
      counters.framingErrors[.emptyLine] = 1
    }
    let lanes = LaneSnapshot(
      counters: counters, loop: LoopStatistics(), connections: [:], writers: [:], heldBytes: 0, gatheredBytes: 0,
      untakenBytes: 0, collectorBytes: 0, backlogBytes: 0, backlogPushes: 0, pausedConnections: 0)
    let page = MetricsPage(
      lanes: lanes, targets: targets, queries: QueryPacing.Snapshot(),
      rekeying: RekeyingSnapshot(
        notAfter: isBusy ? [("server", 0)] : [], signingKeys: 1, refusals: 0, isRefused: false),
      storage: StorageSnapshot(), notifications: NotificationSnapshot(), findings: FindingSnapshot(),
      fleet: FleetStatus(), settings: Settings(), reload: SettingsReload.Snapshot(readAt: 0), startedAt: 0, now: 1
    )
    return PrometheusText(page.families).text
  }

  static var document: PrintedDocument {
    var families = families(of: page(isBusy: true))
    // A label's values are known if a page without any event has them.
    for (index, quiet) in Self.families(of: page(isBusy: false)).enumerated() {
      families[index].label?.values = quiet.label?.values ?? []
    }
    var table = PrintedTable(header: ["Metric", "Kind", "Unit", "Label", "Meaning"])
    table.rows = families.map { family in
      ["`\(family.name)`", family.kind, unit(of: family.name), text(family.label), family.help]
    }
    return PrintedDocument(
      name: "METRICS.md",
      text: """
        # Metrics of the server

        What `GET /metrics` has, in the text format of Prometheus: \(families.count) families. The file is printed from the
        declarations in `Sources/App/Observability/MetricsPage.swift`; a test compares it with them.

        A counter begins with 0 when the server starts, and only grows. A gauge is a value of the moment. A histogram has the
        samples `_bucket`, `_sum` and `_count`. Each server reports what it does itself, except where the meaning says
        "the same from every server". Where the column Label lists no values, the label has those that occurred.

        \(table.text)

        \(longLabels(families).joined(separator: "\n\n"))

        """)
  }

  private static func families(of page: String) -> [Family] {
    var families: [Family] = []
    for line in page.split(separator: "\n") {
      let words = line.split(separator: " ", maxSplits: 3, omittingEmptySubsequences: false).map(String.init)
      switch (words[0], words[1]) {
      case ("#", "HELP"): families.append(Family(name: words[2], help: words[3]))
      case ("#", "TYPE"): families[families.count - 1].kind = words[3]
      default:
        guard let match = line.firstMatch(of: /\{([a-z_]+)="([^"]*)"/), match.output.1 != "le" else { continue }
        var label = families[families.count - 1].label ?? Label(name: String(match.output.1))
        let value = String(match.output.2)
        if !label.values.contains(value) { label.values.append(value) }
        families[families.count - 1].label = label
      }
    }
    return families
  }

  /// By Prometheus's convention a name ends with its unit, before `_total`.
  private static func unit(of name: String) -> String {
    let base = name.hasSuffix("_total") ? String(name.dropLast("_total".count)) : name
    for unit in ["seconds", "bytes", "ratio"] where base.hasSuffix("_" + unit) { return unit }
    return ""
  }

  private static func text(_ label: Label?) -> String {
    guard let label else { return "" }
    // A version has one value at a time.
    if label.values.isEmpty || label.name == "version" { return "`\(label.name)`" }
    if label.values.count > shownValues { return "`\(label.name)`: see below" }
    return "`\(label.name)`: \(label.values.joined(separator: ", "))"
  }

  private static func longLabels(_ families: [Family]) -> [String] {
    var labels: [Label] = []
    for label in families.compactMap(\.label) where label.values.count > shownValues && !labels.contains(label) {
      labels.append(label)
    }
    return labels.map { "Values of `\($0.name)`: \($0.values.joined(separator: ", "))." }
  }
}
