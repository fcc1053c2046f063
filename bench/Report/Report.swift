// The report of a run, for people and for programs. This file makes the text; JSON and HTML have their own files.

internal import Protocol

/// The figures of a run.
struct Report: Sendable {
  let plan: FleetPlan
  let result: FleetResult
  /// The counts of the whole run, with enrolment, ramp and warm-up.
  let tally: Tally
  /// The time from the start of the measured part to its end, or to the last acknowledgement if that is later.
  let elapsed: Duration
  let times: RunTimes?
  let watched: WatchedFigures?
  /// The figures of the reads; nil without readers.
  let reads: ReadFigures?
  /// Whether the user has ended the run early.
  let isInterrupted: Bool
  /// The expectations that determine the exit status.
  var expectations: [Expectation] = []

  init(
    plan: FleetPlan, result: FleetResult, elapsed: Duration, times: RunTimes?, watched: WatchedFigures?,
    reads: ReadFigures? = nil, isInterrupted: Bool = false
  ) {
    self.plan = plan
    self.result = result
    tally = result.whole
    self.elapsed = elapsed
    self.times = times
    self.watched = watched
    self.reads = reads
    self.isInterrupted = isInterrupted
  }

  /// The counts of the measured part, from which rates and latencies are computed.
  var measured: Tally { result.measured }

  /// Whether the run was completed, every push is stored, and every fault had its right outcome.
  /// - Parameter toleratingOutage: whether lost connections, 503 and pushes that were never made are ignored if all
  ///   other pushes were acknowledged in the end.
  func isClean(toleratingOutage: Bool) -> Bool {
    !isInterrupted && isFaultless(toleratingOutage: toleratingOutage)
  }

  /// The same, but an interrupted run may pass.
  func isFaultless(toleratingOutage: Bool) -> Bool {
    let isComplete =
      tally.unenrolled == 0 && tally.refusedPushes == 0 && tally.unacknowledged == 0 && tally.parked == 0
    let hasOutage = tally.lostConnections > 0 || tally.unavailable > 0 || tally.unsent > 0
    let isRight = tally.faults.values.allSatisfy { $0.wrongCount == 0 } && watched?.isVerified != false
    let isRead = reads.map { $0.trouble == nil && $0.failed == 0 } ?? true
    return isComplete && isRight && isRead && tally.deferred == 0 && (toleratingOutage || !hasOutage)
  }

  /// Whether all expectations hold.
  var isAsExpected: Bool { expectations.allSatisfy { $0.isMet(by: self) } }

  private func perSecond(_ count: Int) -> Double { elapsed > .zero ? Double(count) / elapsed.inSeconds : 0 }
  var pushesPerSecond: Double { perSecond(measured.acknowledged) }
  var rowsPerSecond: Double { perSecond(measured.rows) }
  /// Megabytes (10^6 bytes) of bodies per second, as sent.
  var wireMegabytesPerSecond: Double { perSecond(measured.wireBytes) / 1e6 }
  /// Megabytes (10^6 bytes) of bodies per second, before compression.
  var rawMegabytesPerSecond: Double { perSecond(measured.rawBytes) / 1e6 }

  var clientCPU: CPUCost { cost(result.cpu) }
  var serverCPU: CPUCost? { watched?.serverCPU.map(cost) }
  var databaseCPU: CPUCost? { watched?.databaseCPU.map(cost) }

  private func cost(_ time: Duration) -> CPUCost {
    CPUCost(time: time, elapsed: elapsed, pushes: measured.acknowledged, rows: measured.rows)
  }

  var pace: String {
    let offered = plan.offeredRate.map { ", \(Self.rounded($0, 1)) pushes/s offered" } ?? ""
    let jitter = plan.jitter > 0 ? ", jitter \(Self.rounded(plan.jitter, 2))" : ""
    switch plan.pace {
    case .interval(let interval):
      return "one push per collector each \(Self.rounded(interval.inSeconds, 3)) s\(offered)\(jitter)"
    case .poisson(let mean):
      return "Poisson arrivals, \(Self.rounded(mean.inSeconds, 3)) s apart per collector\(offered)"
    case .closedLoop(.zero): return "closed loop"
    case .closedLoop(let think): return "closed loop, \(Self.rounded(think.inSeconds, 3)) s to think\(jitter)"
    }
  }

  var compression: String {
    switch plan.compression {
    case .none: "uncompressed"
    case .prepared(let level): "gzip -\(level), prepared"
    case .fresh(let level): "gzip -\(level), fresh"
    }
  }

  /// Returns the report as lines of text.
  func text(toleratingOutage: Bool) -> String {
    let tally = self.tally
    var lines = [
      "collectors  \(plan.collectors): \(tally.enrolled) enrolled, \(tally.reused) reused, \(tally.unenrolled) without "
        + "identity, \(tally.connected) connected at the start",
      "load        \(pace); \(plan.division.processes) process(es), \(plan.loops) loop(s) each, seed \(plan.seed)",
      "payload     \(plan.payload), \(compression)",
      "duration    \(Self.rounded(elapsed.inSeconds, 2)) s measured",
      "pushes      \(measured.acknowledged) acknowledged, \(Self.rounded(pushesPerSecond, 1))/s",
      "rows        \(measured.rows), \(Self.rounded(rowsPerSecond, 0))/s",
      "bodies      \(Self.rounded(wireMegabytesPerSecond, 2)) MB/s on the wire, "
        + "\(Self.rounded(rawMegabytesPerSecond, 2)) MB/s before compression",
      "latency     " + Self.line(measured.pushLatency) + "  (from due to acknowledged)",
      "service     " + Self.line(measured.serviceLatency) + "  (from sent to acknowledged)",
      "commit      " + Self.line(measured.commitLatency) + "  (as the server says, whole ms)",
      "connects    " + Self.line(tally.connectLatency) + "  (TCP)",
      "handshakes  " + Self.line(tally.handshakeLatency) + "  (TCP and TLS, \(tally.handshakes))",
    ]
    if tally.enrolled > 0 { lines.append("enrolments  " + Self.line(tally.enrolmentLatency)) }
    lines += [
      "trouble     \(tally.refusedPushes) refused, \(tally.unavailable + tally.deferred) put off, "
        + "\(tally.lostConnections) connections lost, \(tally.reconnects) reconnects, \(tally.resent) resent, "
        + "\(tally.unacknowledged) unacknowledged",
      "            \(tally.duplicates) duplicates, \(tally.rejects) metrics rejected, \(tally.unsent) due but never sent, "
        + "\(tally.refreshes) tokens refreshed",
    ]
    for (name, count) in tally.errors.sorted(by: { $0.key < $1.key }) { lines.append("            \(count) × \(name)") }
    for (fault, count) in sortedFaults {
      lines.append("fault       \(fault.rawValue): \(count.right) right, \(count.wrongCount) wrong, \(count.open) open")
      for (name, number) in count.wrong.sorted(by: { $0.key < $1.key }) {
        lines.append("            \(number) × wrong: \(name)")
      }
    }
    lines += readLines
    if isInterrupted { lines.append("interrupted the run was ended before its time") }
    lines.append("client CPU  \(clientCPU.text)")
    lines += watchedLines
    lines.append(isClean(toleratingOutage: toleratingOutage) ? "clean       yes" : "clean       NO")
    for expectation in expectations {
      let isMet = expectation.isMet(by: self)
      lines.append("expected    \(expectation.text): \(isMet ? "yes" : "NO"), \(expectation.found(in: self).text)")
    }
    return lines.map { $0 + "\n" }.joined()
  }

  private var readLines: [String] {
    guard let reads else { return [] }
    if let trouble = reads.trouble { return ["reads       \(trouble)"] }
    let lines = [
      "reads       \(reads.answered) answered, \(Self.rounded(perSecond(reads.answered), 2))/s, \(reads.failed) failed, "
        + "\(reads.open) open at the end",
      "            " + Self.line(reads.latency),
    ]
    return lines
      + reads.errors.sorted { $0.key < $1.key }.map { "            \($0.value) × read: \($0.key)" }
  }

  var readsPerSecond: Double { perSecond(reads?.answered ?? 0) }

  private var watchedLines: [String] {
    guard let watched else { return [] }
    var lines: [String] = []
    if let cpu = serverCPU {
      lines.append("server CPU  \(cpu.text); the client takes \(Self.rounded(clientCPU.share(of: cpu), 2)) of it")
    }
    if let cpu = databaseCPU { lines.append("db CPU      \(cpu.text)") }
    if let trouble = watched.server.trouble {
      lines.append("server      \(trouble)")
    } else {
      let page = watched.server.growth
      func number(_ name: String, _ digits: Int = 0) -> String { Self.rounded(page.sum(name) ?? 0, digits) }
      lines.append(
        "server      \(number("pganalytics_pushes_stored_total")) pushes and "
          + "\(Self.rounded(page.rowsStored ?? 0, 0)) rows stored in \(number("pganalytics_batches_total")) transactions, "
          + "\(number("pganalytics_loop_busy_seconds_total", 2)) s busy")
    }
    if let database = watched.database {
      let growth = database.growth
      lines.append(
        "database    \(growth.commits) commits, \(growth.rowsInserted) rows inserted, "
          + "\(Self.rounded(Double(growth.walBytes) / 1e6, 1)) MB of log"
          + (measured.rows > 0 ? " (\(growth.walBytes / measured.rows) bytes a row)" : ""))
    }
    if let trouble = watched.database?.trouble { lines.append("database    \(trouble)") }
    if watched.verifies, watched.verification == nil { lines.append("verified    NO: the rows could not be counted") }
    if let verification = watched.verification {
      lines.append(
        "verified    \(verification.isExact ? "yes" : "NO"): \(verification.acknowledgedRows) rows acknowledged, "
          + "\(verification.stored.allRows) stored; \(verification.acknowledgedPushes) pushes acknowledged, "
          + "\(verification.stored.pushes) in the ledger"
          + (verification.uncertainPushes > 0
            ? "; \(verification.uncertainPushes) pushes (\(verification.uncertainRows) rows) without an answer" : ""))
    }
    return lines
  }

  var sortedFaults: [(Fault, FaultCount)] {
    Fault.allCases.compactMap { fault in tally.faults[fault].map { (fault, $0) } }
  }

  static let percentiles = [("p50", 50.0), ("p90", 90), ("p99", 99), ("p99.9", 99.9), ("p99.99", 99.99)]

  private static func line(_ histogram: DurationHistogram) -> String {
    let parts = percentiles.map { "\($0.0) \(rounded(histogram.percentile($0.1).inMilliseconds, 1))" }
    return parts.joined(separator: ", ") + ", max \(rounded(histogram.maximum.inMilliseconds, 1)) ms"
  }

  /// Returns the number with `digits` digits behind the point, at most 3.
  static func rounded(_ number: Double, _ digits: Int) -> String {
    let scale = [1, 10, 100, 1000][digits]
    let units = Int64((number * Double(scale) + 0.5).rounded(.down))
    if digits == 0 { return String(units) }
    let sign = units < 0 ? "-" : ""
    let fraction = String(units.magnitude % UInt64(scale))
    return sign + "\(units.magnitude / UInt64(scale))." + String(repeating: "0", count: digits - fraction.count)
      + fraction
  }
}

/// The processor time of a process, and the work that it did in it.
struct CPUCost: Sendable, Equatable {
  let time: Duration
  let elapsed: Duration
  let pushes: Int
  let rows: Int

  /// The number of cores that the process used on average.
  var cores: Double { elapsed > .zero ? time.inSeconds / elapsed.inSeconds : 0 }
  var microsecondsPerPush: Double { pushes > 0 ? time.inSeconds * 1e6 / Double(pushes) : 0 }
  var microsecondsPerRow: Double { rows > 0 ? time.inSeconds * 1e6 / Double(rows) : 0 }

  func share(of other: CPUCost) -> Double { other.time > .zero ? time.inSeconds / other.time.inSeconds : 0 }

  var text: String {
    "\(Report.rounded(cores, 2)) cores, \(Report.rounded(microsecondsPerPush, 1)) µs a push, "
      + "\(Report.rounded(microsecondsPerRow, 2)) µs a row"
  }
}
