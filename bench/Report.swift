// What a run showed, for people and for programs.

internal import Protocol

struct Report: Sendable {
  let plan: FleetPlan
  let tally: Tally
  /// From the start of the run to its end or, if that came later, the last acknowledgement.
  let elapsed: Duration
  /// Of this process, between the same moments.
  let cpu: Duration

  /// Whether everything that was to be stored is stored.
  /// - Parameter toleratingOutage: lost connections and 503 count as nothing if all was acknowledged in the end.
  func isClean(toleratingOutage: Bool) -> Bool {
    let isComplete = tally.unenrolled == 0 && tally.refusedPushes == 0 && tally.unacknowledged == 0
    let hasOutage = tally.lostConnections > 0 || tally.unavailable > 0
    return isComplete && tally.deferred == 0 && (toleratingOutage || !hasOutage)
  }

  private func perSecond(_ count: Int) -> Double { elapsed > .zero ? Double(count) / elapsed.inSeconds : 0 }
  var pushesPerSecond: Double { perSecond(tally.acknowledged) }
  var rowsPerSecond: Double { perSecond(tally.rows) }
  /// Compressed bodies, in units of 10^6 bytes.
  var wireMegabytesPerSecond: Double { perSecond(tally.wireBytes) / 1e6 }
  /// The same bodies before compression.
  var rawMegabytesPerSecond: Double { perSecond(tally.rawBytes) / 1e6 }
  /// Cores' worth of processor time.
  var cpuShare: Double { elapsed > .zero ? cpu.inSeconds / elapsed.inSeconds : 0 }

  private var pace: String {
    switch plan.pace {
    case .interval(let interval): "one push per collector each \(Self.rounded(interval.inSeconds, 3)) s"
    case .closedLoop: "closed loop"
    }
  }

  /// Several lines, each ended.
  var text: String {
    let tally = self.tally
    var lines = [
      "collectors  \(plan.collectors): \(tally.enrolled) enrolled, \(tally.unenrolled) not, "
        + "\(tally.connected) connected at the start; \(pace), \(plan.loops) loop(s), seed \(plan.seed)",
      "duration    \(Self.rounded(elapsed.inSeconds, 2)) s",
      "pushes      \(tally.acknowledged) acknowledged, \(Self.rounded(pushesPerSecond, 1))/s",
      "rows        \(tally.rows), \(Self.rounded(rowsPerSecond, 0))/s",
      "bodies      \(Self.rounded(wireMegabytesPerSecond, 2)) MB/s on the wire, "
        + "\(Self.rounded(rawMegabytesPerSecond, 2)) MB/s before gzip -\(plan.gzipLevel)",
      "latency     " + Self.line(tally.pushLatency) + "  (from due to acknowledged)",
      "handshakes  " + Self.line(tally.handshakeLatency) + "  (\(tally.handshakes))",
      "enrolments  " + Self.line(tally.enrolmentLatency),
      "trouble     \(tally.refusedPushes) refused, \(tally.unavailable + tally.deferred) put off, "
        + "\(tally.lostConnections) connections lost, \(tally.reconnects) reconnects, \(tally.resent) resent, "
        + "\(tally.unacknowledged) unacknowledged",
      "            \(tally.duplicates) duplicates, \(tally.rejects) metrics rejected, \(tally.unsent) due but never sent, "
        + "\(tally.refreshes) tokens refreshed",
    ]
    for (name, count) in tally.errors.sorted(by: { $0.key < $1.key }) { lines.append("            \(count) × \(name)") }
    lines.append("own CPU     \(Self.rounded(cpuShare, 2)) cores")
    return lines.map { $0 + "\n" }.joined()
  }

  /// One JSON object. Durations in milliseconds unless the name says otherwise.
  func json(toleratingOutage: Bool) -> [UInt8] {
    var json = JSONWriter()
    json.object { json in
      json.member("version", PganalyticsBench.version)
      json.member("clean", isClean(toleratingOutage: toleratingOutage))
      json.member("collectors", plan.collectors)
      switch plan.pace {
      case .interval(let interval):
        json.member("pace", "interval")
        json.member("interval_seconds", interval.inSeconds)
      case .closedLoop: json.member("pace", "closed_loop")
      }
      json.member("loops", plan.loops)
      json.member("seed", plan.seed)
      json.member("gzip_level", plan.gzipLevel)
      json.member("duration_seconds", elapsed.inSeconds)
      for (name, count) in tally.counts { json.member(name, count) }
      json.member("pushes_per_second", pushesPerSecond)
      json.member("rows_per_second", rowsPerSecond)
      json.member("wire_megabytes_per_second", wireMegabytesPerSecond)
      json.member("raw_megabytes_per_second", rawMegabytesPerSecond)
      json.member("cpu_seconds", cpu.inSeconds)
      json.member("cpu_share", cpuShare)
      json.key("push_latency_ms")
      Self.write(tally.pushLatency, to: &json)
      json.key("handshake_latency_ms")
      Self.write(tally.handshakeLatency, to: &json)
      json.key("enrolment_latency_ms")
      Self.write(tally.enrolmentLatency, to: &json)
      json.key("errors")
      json.object { json in
        for (name, count) in tally.errors.sorted(by: { $0.key < $1.key }) { json.member(name, count) }
      }
    }
    var bytes = json.finish()
    bytes.append("\n")
    return bytes.withUnsafeBytes { Array($0) }
  }

  private static let percentiles = [("p50", 50.0), ("p90", 90), ("p99", 99), ("p99.9", 99.9)]

  private static func line(_ histogram: LatencyHistogram) -> String {
    let parts = percentiles.map { "\($0.0) \(rounded(histogram.percentile($0.1).inMilliseconds, 1))" }
    return parts.joined(separator: ", ") + ", max \(rounded(histogram.maximum.inMilliseconds, 1)) ms"
  }

  private static func write(_ histogram: LatencyHistogram, to json: inout JSONWriter) {
    json.object { json in
      json.member("count", histogram.count)
      json.member("min", histogram.minimum.inMilliseconds)
      json.member("mean", histogram.mean.inMilliseconds)
      for (name, percent) in percentiles { json.member(name, histogram.percentile(percent).inMilliseconds) }
      json.member("max", histogram.maximum.inMilliseconds)
    }
  }

  /// - Parameter digits: after the point, at most 3.
  static func rounded(_ number: Double, _ digits: Int) -> String {
    let scale = [1, 10, 100, 1000][digits]
    let units = Int64((number * Double(scale) + 0.5).rounded(.down))
    if digits == 0 { return String(units) }
    let fraction = String(units % Int64(scale))
    return "\(units / Int64(scale))." + String(repeating: "0", count: digits - fraction.count) + fraction
  }
}

extension Tally {
  /// Name and value of everything that is simply counted.
  var counts: [(String, Int)] {
    [
      ("enrolled", enrolled), ("unenrolled", unenrolled), ("connected", connected), ("handshakes", handshakes),
      ("acknowledged", acknowledged), ("rows", rows), ("metrics", metrics), ("rejects", rejects),
      ("duplicates", duplicates), ("wire_bytes", wireBytes), ("raw_bytes", rawBytes), ("refused", refusedPushes),
      ("unavailable", unavailable), ("deferred", deferred), ("unacknowledged", unacknowledged), ("unsent", unsent),
      ("lost_connections", lostConnections), ("reconnects", reconnects), ("resent", resent), ("refreshes", refreshes),
    ]
  }
}
