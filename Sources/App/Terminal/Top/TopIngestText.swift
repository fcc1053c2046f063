// The view of the server itself: its load, latencies, backlog, budgets, loops and database connections.

import Protocol

struct TopIngestText {
  private static let barWidth = 20

  private let answer: JSONValue
  /// The answer before, of the same run of the server; nil: there is none, and no rates.
  private let before: JSONValue?
  /// The time between the two answers, in seconds.
  private let seconds: Double

  init(_ answer: JSONValue, before: JSONValue?) {
    self.answer = answer
    func time(_ answer: JSONValue?) -> Int64? {
      (answer?[member: "at"]?.string).flatMap { RFC3339.unixMicroseconds($0) }
    }
    let uptime = answer[member: "uptime_seconds"]?.integer ?? 0
    let passed = Double((time(answer) ?? 0) - (time(before) ?? 0)) / 1e6
    // A server that started anew counts from 0 again.
    let isSameRun = before?[member: "uptime_seconds"]?.integer.map { $0 <= uptime } ?? false
    self.before = isSameRun && passed > 0 ? before : nil
    seconds = passed
  }

  func lines(_ columns: Int) -> [TopLine] {
    let parts = [state(columns), load, latencies, backlog, budgets, states, loops, pools]
    return Array(parts.filter { !$0.isEmpty }.joined(separator: [TopLine()]))
  }

  private func rows(_ member: String, of answer: JSONValue?) -> [JSONValue] {
    if case .array(let rows)? = answer?[member: member] { rows } else { [] }
  }

  private func rows(_ member: String) -> [JSONValue] { rows(member, of: answer) }

  // MARK: Figures

  /// The sum of a list of counts, or the number of a member.
  private func total(_ member: String, of answer: JSONValue?) -> Double {
    if let number = answer?[member: member]?.double { return number }
    return rows(member, of: answer).compactMap { $0[member: "count"]?.double }.reduce(0, +)
  }

  /// The growth of a counter a second; nil without an answer before.
  private func rate(_ member: String) -> Double? {
    before.map { max(0, total(member, of: answer) - total(member, of: $0)) / seconds }
  }

  private static func short(_ number: Double) -> String { TopTable.short(number) }

  private func state(_ columns: Int) -> [TopLine] {
    let uptime = CellText.duration(answer[member: "uptime_seconds"]?.double ?? 0)
    var line = TopLine()
    let isReady = answer[member: "is_ready"] == .bool(true)
    line.append(isReady ? "ready" : "not ready", isReady ? .good : .bad)
    line.append("  up \(uptime)")
    return [line]
      + rows("reasons").flatMap { reason in
        TopText.wrapped(reason[member: "message"]?.string ?? "", width: columns).map { TopLine($0, .warning) }
      }
  }

  private var load: [TopLine] {
    var grid = TopGrid([
      .init(title: "Load"), .init(title: "a second", isRight: true), .init(title: "since the start", isRight: true),
    ])
    func add(_ title: String, _ member: String, _ text: (Double) -> String = Self.short) {
      grid.rows.append([title, rate(member).map { text($0) + "/s" } ?? "–", text(total(member, of: answer))])
    }
    add("Pushes received", "pushes_received")
    add("  stored", "pushes_stored")
    add("  stored before", "pushes_duplicate")
    add("  refused", "pushes_refused")
    add("  parked", "pushes_parked")
    add("  abandoned", "pushes_abandoned")
    add("Rows stored", "rows_stored")
    add("Rows and metrics rejected", "rows_rejected")
    add("Bytes received", "push_bytes", CellText.bytes)
    add("Other requests", "requests")
    add("Handshakes", "tls_handshakes")
    let busy = rate("loop_busy_seconds")
    grid.rows.append(["Loops busy", busy.map { CellText.decimal($0 * 100, places: 1) + " %" } ?? "–", "of one core"])
    for (row, cells) in grid.rows.enumerated() where ["  refused", "  parked"].contains(cells[0]) {
      if total(cells[0] == "  parked" ? "pushes_parked" : "pushes_refused", of: answer) > 0 {
        grid.styles[[row, 2]] = .warning
      }
    }
    return grid.lines()
  }

  /// The stages of a push. Quantiles are those of the time between the two answers, if anything was counted in it.
  private var latencies: [TopLine] {
    var grid = TopGrid([
      .init(title: "Stage of pushes"), .init(title: "half within", isRight: true),
      .init(title: "99 % within", isRight: true), .init(title: "number", isRight: true),
    ])
    let earlier = rows("push_seconds", of: before)
    grid.rows = rows("push_seconds").map { stage in
      let name = stage[member: "name"]?.string ?? ""
      let old = earlier.first { $0[member: "name"] == stage[member: "name"] }
      let buckets = Self.grown(Self.buckets(stage), since: Self.buckets(old))
      func within(_ part: Double) -> String {
        guard let bound = Self.quantile(part, buckets) else { return "–" }
        return bound.isFinite ? CellText.duration(bound) : "longer"
      }
      return [name, within(0.5), within(0.99), Self.short(stage[member: "count"]?.double ?? 0)]
    }
    return grid.rows.isEmpty ? [] : grid.lines()
  }

  private static func buckets(_ stage: JSONValue?) -> [Double: Double] {
    guard case .array(let rows)? = stage?[member: "buckets"] else { return [:] }
    return Dictionary(
      rows.map { ($0[member: "up_to"]?.double ?? .infinity, $0[member: "count"]?.double ?? 0) }, uniquingKeysWith: +)
  }

  /// What the buckets counted since then; all of them if that is nothing.
  private static func grown(_ now: [Double: Double], since before: [Double: Double]) -> [Double: Double] {
    let fresh = now.map { ($0.key, $0.value - (before[$0.key] ?? 0)) }.filter { $0.1 > 0 }
    return fresh.isEmpty ? now : Dictionary(uniqueKeysWithValues: fresh)
  }

  private static func quantile(_ part: Double, _ buckets: [Double: Double]) -> Double? {
    let wanted = buckets.values.reduce(0, +) * part
    var below = 0.0
    for (bound, count) in buckets.sorted(by: { $0.key < $1.key }) {
      below += count
      if below > 0, below >= wanted { return bound }
    }
    return nil
  }

  private var backlog: [TopLine] {
    var grid = TopGrid([
      .init(title: "Backlog"), .init(title: "number", isRight: true), .init(title: "oldest", isRight: true),
    ])
    func number(_ member: String) -> String { Self.short(total(member, of: answer)) }
    func age(_ member: String) -> String { CellText.duration(total(member, of: answer)) }
    let waiting = number("writer_backlog_pushes")
    let bytes = CellText.bytes(total("writer_backlog_bytes", of: answer))
    let oldestStep = rows("rollup_oldest_seconds").compactMap { $0[member: "count"]?.double }.max() ?? 0
    grid.rows = [
      ["Pushes that wait for a writer", "\(waiting), \(bytes)", ""],
      ["Steps to roll up", number("rollup_pending_steps"), CellText.duration(oldestStep)],
      ["Steps that failed", number("rollup_failed_steps"), age("rollup_oldest_failed_seconds")],
      ["Evaluation of checks", "", age("finding_lag_seconds")],
      ["Notifications", number("notifications_waiting"), age("notification_oldest_seconds")],
      ["Metrics queries", number("queries_waiting"), ""],
    ]
    return grid.lines()
  }

  private var budgets: [TopLine] {
    [TopLine("Budgets of memory", .faint)]
      + rows("budgets").map { budget in
        let held = budget[member: "held_bytes"]?.double ?? 0
        let limit = budget[member: "limit_bytes"]?.double ?? 0
        let part = limit > 0 ? held / limit : 0
        var line = TopLine()
        line.put(TopText.bar(part, width: Self.barWidth), at: 0, part > 0.9 ? .bad : part > 0.6 ? .warning : .good)
        line.put("\(CellText.bytes(held)) of \(CellText.bytes(limit))", at: Self.barWidth + 2)
        line.put(budget[member: "name"]?.string ?? "", at: Self.barWidth + 27, .faint)
        return line
      }
  }

  private var states: [TopLine] {
    func line(_ title: String, _ member: String) -> TopLine {
      let counts = rows(member).compactMap { row -> String? in
        guard let count = row[member: "count"]?.integer, count > 0 else { return nil }
        return "\(count) \(row[member: "name"]?.string ?? "")"
      }
      var line = TopLine()
      line.put(title, at: 0, .faint)
      line.put(counts.isEmpty ? "none" : counts.joined(separator: ", "), at: 13)
      return line
    }
    return [line("Connections", "connections"), line("Writers", "writers")]
  }

  private var loops: [TopLine] {
    var grid = TopGrid([
      .init(title: "Loop"), .init(title: "busy", isRight: true), .init(title: "longest turn", isRight: true),
      .init(title: "connections", isRight: true), .init(title: "backlog", isRight: true),
      .init(title: "pushes", isRight: true),
    ])
    let earlier = rows("loops", of: before)
    grid.rows = rows("loops").enumerated().map { index, loop in
      func value(_ member: String) -> Double { loop[member: member]?.double ?? 0 }
      func rate(_ member: String) -> Double? {
        guard earlier.indices.contains(index), before != nil else { return nil }
        return max(0, value(member) - (earlier[index][member: member]?.double ?? 0)) / seconds
      }
      return [
        "\(index)", rate("busy_seconds").map { CellText.decimal($0 * 100, places: 1) + " %" } ?? "–",
        CellText.duration(value("longest_turn_seconds")), Self.short(value("connections")),
        Self.short(value("backlog_pushes")), rate("pushes_received").map { Self.short($0) + "/s" } ?? "–",
      ]
    }
    return grid.rows.isEmpty ? [] : grid.lines()
  }

  private var pools: [TopLine] {
    var grid = TopGrid([
      .init(title: "Database pool"), .init(title: "busy", isRight: true), .init(title: "connected", isRight: true),
      .init(title: "at most", isRight: true), .init(title: "waiting", isRight: true),
    ])
    grid.rows = rows("database_pools").map { pool in
      [pool[member: "name"]?.string ?? ""]
        + ["busy", "connected", "sessions", "waiting"].map { Self.short(pool[member: $0]?.double ?? 0) }
    }
    return grid.rows.isEmpty ? [] : grid.lines()
  }
}
