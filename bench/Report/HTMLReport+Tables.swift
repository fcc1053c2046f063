// The tables below the plots.

internal import Reactor

extension HTMLReport {
  var tables: String {
    [latencies, expectations, costs, counts, errors, faults, server, database, verification, settings].joined()
  }

  private func table(_ title: String, _ head: [String], _ rows: [[String]]) -> String {
    if rows.isEmpty { return "" }
    let header = head.isEmpty ? "" : "<tr>" + head.map { "<th>\($0)</th>" }.joined() + "</tr>\n"
    let body = rows.map { row in
      "<tr>" + row.map { "<td>\(HTMLText.escaped($0))</td>" }.joined() + "</tr>\n"
    }.joined()
    return "<article><h2>\(title)</h2><div><table>\n\(header)\(body)</table></div></article>\n"
  }

  private var latencies: String {
    let tally = report.tally
    let measured = report.measured
    let rows: [(String, DurationHistogram)] = [
      ("push, from due", measured.pushLatency), ("push, from sent", measured.serviceLatency),
      ("commit, as the server says", measured.commitLatency), ("TCP connect", tally.connectLatency),
      ("TCP and TLS handshake", tally.handshakeLatency), ("enrolment", tally.enrolmentLatency),
    ]
    return table(
      "Latencies in ms", ["", "count", "mean"] + Report.percentiles.map(\.0) + ["max"],
      (rows + (report.reads.map { [("reads", $0.latency)] } ?? [])).filter { $0.1.count > 0 }.map { name, histogram in
        let percentiles = Report.percentiles.map { histogram.percentile($0.1) }
        let numbers = ([histogram.mean] + percentiles + [histogram.maximum]).map { Plot.short($0.inMilliseconds) }
        return [name, HTMLText.grouped(Int(histogram.count))] + numbers
      })
  }

  private var costs: String {
    var rows: [[String]] = []
    for (name, cost) in [("client", report.clientCPU), ("server", report.serverCPU), ("database", report.databaseCPU)] {
      guard let cost else { continue }
      rows.append([
        name, Report.rounded(cost.time.inSeconds, 2), Report.rounded(cost.cores, 2),
        Report.rounded(cost.microsecondsPerPush, 1), Report.rounded(cost.microsecondsPerRow, 2),
      ])
    }
    return table("Processor time", ["", "seconds", "cores", "µs a push", "µs a row"], rows)
  }

  private var counts: String {
    let measured = report.measured
    let rows = Tally.counts.filter { report.tally[keyPath: $0.path] != 0 }.map { count in
      [
        count.name.replacing("_", with: " "), HTMLText.grouped(measured[keyPath: count.path]),
        HTMLText.grouped(report.tally[keyPath: count.path]),
      ]
    }
    return table("Counts", ["", "measured", "whole run"], rows)
  }

  private var errors: String {
    let errors =
      report.tally.errors.sorted { $0.key < $1.key }
      + (report.reads?.errors.map { ("read: " + $0.key, $0.value) } ?? []).sorted { $0.0 < $1.0 }
    return table("Errors", ["what", "count"], errors.map { [$0.key, HTMLText.grouped($0.value)] })
  }

  private var expectations: String {
    table(
      "Expected", ["", "found", "holds"],
      report.expectations.map {
        [$0.text, $0.found(in: report).text, $0.isMet(by: report) ? "yes" : "NO"]
      })
  }

  private var faults: String {
    let rows = report.sortedFaults.map { fault, count in
      [
        fault.rawValue, Report.rounded((report.plan.faults.shares[fault] ?? 0) * 100, 2) + " %",
        HTMLText.grouped(count.right), HTMLText.grouped(count.wrongCount), HTMLText.grouped(count.open),
        count.wrong.sorted { $0.key < $1.key }.map { "\($0.value) × \($0.key)" }.joined(separator: ", "),
      ]
    }
    return table("Faults", ["", "share", "right", "wrong", "open", "instead came"], rows)
  }

  private var server: String {
    guard let server = report.watched?.server else { return "" }
    if let trouble = server.trouble { return table("Server", [], [["no counters", trouble]]) }
    // Only counters are shown. The growth of a gauge has no meaning.
    let counters = server.growth.values.filter { name, _ in
      let family = name.prefix { $0 != "{" }
      return ["_total", "_count", "_sum"].contains { family.hasSuffix($0) }
    }
    let rows = counters.sorted { $0.key < $1.key }.map { name, value in
      [name.replacing("pganalytics_", with: ""), Plot.short(value)]
    }
    return table("Server: growth of its counters", ["counter", "by"], rows)
  }

  private var database: String {
    guard let database = report.watched?.database else { return "" }
    let growth = database.growth
    let seconds = max(report.elapsed.inSeconds, 1e-9)
    func row(_ name: String, _ number: Int) -> [String] {
      [name, HTMLText.grouped(number), Plot.short(Double(number) / seconds)]
    }
    let counters = [
      row("commits", growth.commits), row("rollbacks", growth.rollbacks), row("rows inserted", growth.rowsInserted),
      row("log bytes", growth.walBytes), row("log records", growth.walRecords),
      row("full pages in the log", growth.walFullPages), row("database bytes", growth.databaseBytes),
    ]
    let stored = database.stored.rows.sorted { $0.key < $1.key }.map { [$0.key, HTMLText.grouped($0.value)] }
    return table("Database", [], database.trouble.map { [["trouble", $0]] } ?? [])
      + table("Database", ["", "growth", "a second"], counters)
      + table("Rows stored by this run", ["table", "rows"], stored)
  }

  private var verification: String {
    guard let verification = report.watched?.verification else { return "" }
    return table(
      "Verification: \(verification.isExact ? "exact" : "mismatch")",
      ["", "acknowledged", "stored", "without an answer"],
      [
        [
          "rows", HTMLText.grouped(verification.acknowledgedRows), HTMLText.grouped(verification.stored.allRows),
          HTMLText.grouped(verification.uncertainRows),
        ],
        [
          "pushes", HTMLText.grouped(verification.acknowledgedPushes), HTMLText.grouped(verification.stored.pushes),
          HTMLText.grouped(verification.uncertainPushes),
        ],
      ])
  }

  private var settings: String {
    let plan = report.plan
    return table(
      "Settings", [],
      [
        ["collectors", HTMLText.grouped(plan.collectors)], ["arrival", report.pace],
        ["ramp, warm-up", "\(plan.ramp.inSeconds) s, \(plan.warmUp.inSeconds) s"],
        ["measured", "\(Report.rounded(report.elapsed.inSeconds, 2)) s"],
        ["payload", plan.payload], ["rows a push", HTMLText.grouped(plan.templates[0].rows)],
        ["compression", report.compression],
        ["processes, loops each", "\(plan.division.processes), \(plan.loops)"], ["seed", String(plan.seed)],
      ])
  }
}
