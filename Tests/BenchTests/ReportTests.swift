import Glibc
import Ground
import HTTPClient
import Protocol
import Reactor
import Testing

@testable import Bench

struct ReportTests {
  private static let start = MonotonicTime(nanoseconds: 1_000_000_000_000)

  private func plan() throws -> FleetPlan {
    let authority = try CertificateAuthority.create(commonName: "test", validFor: 3600, now: WallClock.unixSeconds())
    let endpoint = HTTPSDestination(
      url: HTTPSURL("https://127.0.0.1:1")!, addresses: [SocketAddress("127.0.0.1:1")!], sources: [],
      context: try TLSContext.client(trustPEM: authority.certificate.pem()))
    return FleetPlan(
      endpoint: endpoint, registrationSecret: "s", collectors: 3, duration: .seconds(2), pace: .closedLoop(),
      templates: [try PushTemplate(json: samplePush().span)])
  }

  private func report(
    verification: Verification? = nil, _ change: (inout Tally) -> Void = { _ in }
  ) throws -> Report {
    var tally = Tally()
    change(&tally)
    let watched = verification.map { WatchedFigures(verifies: true, verification: $0) }
    return Report(
      plan: try plan(), result: FleetResult(measured: tally, cpu: .milliseconds(500)), elapsed: .seconds(2), times: nil,
      watched: watched)
  }

  /// A run with every kind of event, the same each time.
  private func eventfulReport() throws -> Report {
    var plan = try plan()
    plan.collectors = 1200
    plan.pace = .poisson(mean: .seconds(6))
    plan.ramp = .seconds(3)
    plan.warmUp = .seconds(1)
    plan.duration = .seconds(20)
    plan.payload = "table-stats, 200 rows and <68109> bytes of JSON a push"
    plan.faults = FaultMix([.reset: 0.01, .duplicate: 0.02])!
    var before = Tally()
    before.enrolled = 1200
    before.connected = 1200
    before.handshakes = 1200
    before.acknowledged = 320
    before.rows = 64_000
    for index in 0..<1200 {
      before.connectLatency.record(.microseconds(100 + index))
      before.handshakeLatency.record(.microseconds(2000 + 3 * index))
      before.enrolmentLatency.record(.microseconds(5000 + 7 * index))
    }
    var measured = Tally()
    measured.acknowledged = 4000
    measured.rows = 800_000
    measured.metrics = 4000
    measured.wireBytes = 4000 * 16_400
    measured.rawBytes = 4000 * 68_109
    measured.unavailable = 3
    measured.resent = 3
    measured.errors = ["503 overloaded": 3]
    measured.faults = [.reset: FaultCount(right: 40), .duplicate: FaultCount(right: 79, wrong: ["200": 1], open: 1)]
    for index in 0..<4000 {
      let latency = Duration.microseconds(3000 + (index * index) / 200)
      measured.pushLatency.record(latency)
      measured.serviceLatency.record(latency - .microseconds(500))
      measured.commitLatency.record(.milliseconds(2 + index / 200))
    }
    for second in 0..<24 {
      measured.series.note(at: .seconds(second)) { interval in
        interval.acknowledged = second < 4 ? 50 * (second + 1) : 200
        interval.rows = 200 * interval.acknowledged
        interval.errors = second == 12 ? 3 : 0
        for index in 1...20 {
          interval.latency.record(.microseconds(2000 + index * index * 100 * (second == 12 ? 9 : 1)))
        }
      }
    }
    var watched = WatchedFigures()
    var server = SampleLog<PrometheusPage>()
    var database = SampleLog<DatabaseFigures>()
    for second in 0...24 {
      let page = PrometheusPage(
        """
        pganalytics_rows_stored_total{table="pg_stats_tables"} \(second * 40_000)
        pganalytics_loop_busy_seconds_total \(Double(second) * 0.25)
        pganalytics_held_bytes \(second * 1_000_000)
        pganalytics_writer_backlog_bytes \(second * 500_000)
        pganalytics_pushes_stored_total \(second * 200)
        """)
      server.offer(page, at: Self.start + .seconds(second))
      var figures = DatabaseFigures()
      figures.commits = second * 50
      figures.walBytes = second * 9_000_000
      figures.rowsInserted = second * 40_000
      database.offer(figures, at: Self.start + .seconds(second))
    }
    watched.server.samples = server.samples
    watched.server.growth = server.samples.last!.value.growth(since: server.samples[4].value)
    watched.database = WatchedFigures.Database(
      growth: database.samples.last!.value - database.samples[4].value, samples: database.samples,
      stored: StoredCounts(pushes: 4320, rows: ["pg_stats_tables": 864_000]))
    watched.serverCPU = .milliseconds(1650)
    watched.serverResidentBytes = 90_000_000
    watched.databaseCPU = .milliseconds(3400)
    let result = FleetResult(before: before, measured: measured, cpu: .milliseconds(252))
    watched.verification = Verification(stored: watched.database!.stored, tally: result.whole)
    var reads = ReadFigures(answered: 60, bytes: 600_000, errors: ["503 overloaded": 1], open: 2)
    for index in 1...60 { reads.latency.record(.milliseconds(30 + index * 5)) }
    var report = Report(
      plan: plan, result: result, elapsed: .seconds(20), times: RunTimes(start: Self.start, plan: plan),
      watched: watched, reads: reads)
    report.expectations = try ["p99<100ms", "refused=0", "reads.p99<200ms"].map(Expectation.init)
    return report
  }

  @Test func `a report is JSON with rates, percentiles and errors`() throws {
    let report = try report { tally in
      tally.acknowledged = 10
      tally.rows = 70
      tally.wireBytes = 4_000_000
      tally.pushLatency.record(.milliseconds(8))
      tally.countError(code: "503", slug: "overloaded")
    }
    guard case .object(let json) = try JSONValue.parse(report.json(toleratingOutage: false).span),
      case .object(let latency)? = json["push_latency_ms"], case .object(let errors)? = json["errors"],
      case .object(let cost)? = json["client_cpu"]
    else { return #expect(Bool(false), "not the shape") }
    #expect(json["pushes_per_second"] == .double(5) && json["rows_per_second"] == .double(35))
    #expect(json["wire_megabytes_per_second"] == .double(2) && json["cpu_share"] == .double(0.25))
    #expect(json["acknowledged"] == .integer(10) && json["clean"] == .bool(true))
    #expect(latency["p99.9"] == .double(8) && latency["p99.99"] == .double(8))
    #expect(errors["503 overloaded"] == .integer(1))
    #expect(cost["us_per_push"] == .double(50_000) && json["server_cpu"] == nil)
  }

  /// The golden files show every change of a report. For an intended change, copy the file that the failure names.
  @Test(arguments: ["report.txt", "report.json", "report.html"])
  func `a report equals its golden file`(name: String) throws {
    let report = try eventfulReport()
    let written: [UInt8] =
      switch name {
      case "report.txt": Array(report.text(toleratingOutage: true).utf8)
      case "report.json": report.json(toleratingOutage: true)
      default: HTMLReport(report: report, toleratesOutage: true, unixSeconds: 1_795_375_987).bytes()
      }
    let folder = #filePath.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" } + "/Golden"
    let golden = try LocalFile.require("\(folder)/\(name)")
    if golden != written {
      let path = "/tmp/pganalytics-bench-\(name)"
      try LocalFile.overwrite(path, with: written)
      Issue.record("\(name) differs: compare Tests/BenchTests/Golden/\(name) with \(path)")
    }
  }

  @Test func `the HTML page needs no other host, and escapes its texts`() throws {
    let page = String(
      decoding: HTMLReport(report: try eventfulReport(), toleratesOutage: false, unixSeconds: 0).bytes(),
      as: UTF8.self)
    for word in ["http:", "https:", "src=", "href=", "url(", "@import", "<script"] { #expect(!page.contains(word)) }
    #expect(page.contains("&lt;68109&gt;") && !page.contains("<68109>"))
    #expect(page.contains("not clean") && page.contains("1970-01-01 00:00:00 UTC"))
    // Every tag that is opened is closed, in order.
    var open: [Substring] = []
    for part in page.split(separator: "<").dropFirst() {
      let tag = part.prefix { $0 != ">" }
      let name = tag.prefix { $0 != " " }
      if tag.hasSuffix("/") || ["!DOCTYPE", "meta"].contains(name) { continue }
      if name.hasPrefix("/") {
        #expect(open.popLast() == name.dropFirst())
      } else {
        open.append(name)
      }
    }
    #expect(open.isEmpty)
  }

  @Test func `a run is clean only if everything was stored and every fault was answered rightly`() throws {
    #expect(try report().isClean(toleratingOutage: false))
    let failures: [(inout Tally) -> Void] = [
      { $0.unenrolled = 1 }, { $0.refusedPushes = 1 }, { $0.unacknowledged = 1 }, { $0.deferred = 1 },
      { $0.parked = 1 }, { $0.judge(.reset, .wrong("200 duplicate")) },
    ]
    for failure in failures { #expect(try !report(failure).isClean(toleratingOutage: true)) }
    let outages: [(inout Tally) -> Void] = [{ $0.lostConnections = 1 }, { $0.unavailable = 1 }, { $0.unsent = 1 }]
    for outage in outages {
      #expect(try !report(outage).isClean(toleratingOutage: false))
      #expect(try report(outage).isClean(toleratingOutage: true))
    }
    #expect(try report { $0.judge(.reset, .right) }.isClean(toleratingOutage: false))
    for (stored, isClean) in [(5, true), (4, false)] {
      var tally = Tally()
      (tally.acknowledged, tally.rows) = (1, 5)
      let verification = Verification(stored: StoredCounts(pushes: 1, rows: ["a": stored]), tally: tally)
      #expect(try report(verification: verification).isClean(toleratingOutage: true) == isClean)
    }
  }

  @Test func `an interrupted run is not clean, whatever it did`() throws {
    let report = Report(
      plan: try plan(), result: FleetResult(), elapsed: .seconds(1), times: nil, watched: nil, isInterrupted: true)
    #expect(!report.isClean(toleratingOutage: true))
  }

  @Test(
    arguments: [
      ("p99<200ms", true), ("p99<0.1ms", false), ("max <= 100ms", true), ("mean>=50ms", true), ("p50 != 50ms", true),
      ("refused=0", true), ("refused!=0", false), ("acknowledged=4", true), ("pushes_per_second>=2", true),
      ("pushes_per_second>2", false), ("service.p99<1s", false), ("reads.p99<1s", false), ("reads=0", true),
      ("unsent<1", true), ("p99.9<1.5s", true),
    ])
  func `a run is compared with its expectations`(text: String, isMet: Bool) throws {
    var tally = Tally()
    tally.acknowledged = 4
    for _ in 0..<4 { tally.pushLatency.record(.milliseconds(100)) }
    var report = Report(
      plan: try plan(), result: FleetResult(measured: tally), elapsed: .seconds(2), times: nil, watched: nil)
    report.expectations = [try Expectation(text)]
    #expect(report.isAsExpected == isMet)
    #expect(report.text(toleratingOutage: false).contains("expected    \(text): \(isMet ? "yes" : "NO"), "))
  }

  @Test(arguments: ["p99", "p99<200", "p98<1s", "refused=none", "refused~0", "<1s", "lunch<1s", "refused=1s", "p99<"])
  func `an expectation that does not concern a report is refused`(text: String) {
    #expect(throws: UsageError.self) { try Expectation(text) }
  }

  @Test func `a run whose requested verification failed is not clean`() throws {
    var watched = WatchedFigures(verifies: true)
    watched.database = WatchedFigures.Database(trouble: "database: gone")
    let report = Report(
      plan: try plan(), result: FleetResult(), elapsed: .seconds(2), times: nil, watched: watched)
    #expect(!report.isClean(toleratingOutage: true))
    #expect(report.text(toleratingOutage: true).contains("database    database: gone\nverified    NO"))
    watched.verifies = false
    let unasked = Report(
      plan: try plan(), result: FleetResult(), elapsed: .seconds(2), times: nil, watched: watched)
    #expect(unasked.isClean(toleratingOutage: true))
  }

  @Test func `a result passes from process to process unchanged`() throws {
    var result = try eventfulReport().result
    result.collectors = [UUID.random(), UUID.random()]
    result.measured.lastAcknowledgement = Self.start
    result.before.errors["401 \"token\""] = 2
    var json = JSONWriter()
    result.write(to: &json)
    let bytes = json.finish().withUnsafeBytes { Array($0) }
    let read = FleetResult(try JSONValue.parse(bytes.span, limits: JSONValueLimits(bytes: 1 << 24)))
    #expect(read == result)
    #expect(FleetResult(.object(JSONObject())) == nil)
    let progress = Progress(
      enrolled: 1, ready: 2, acknowledged: 3, rows: 4, wireBytes: 5, errors: 6, p99: .milliseconds(7))
    json = JSONWriter()
    progress.write(to: &json)
    let line = json.finish().withUnsafeBytes { Array($0) }
    #expect(Progress(try JSONValue.parse(line.span)) == progress)
  }

  @Test func `every count of a tally is summed`() throws {
    var tally = Tally()
    for (index, count) in Tally.counts.enumerated() { tally[keyPath: count.path] = index + 1 }
    var sum = tally
    sum.merge(tally)
    for (index, count) in Tally.counts.enumerated() {
      #expect(sum[keyPath: count.path] == 2 * (index + 1), "\(count.name)")
    }
    // A property that the list lacks would be lost between loops and processes.
    let numbers = Mirror(reflecting: tally).children.filter { $0.value is Int }.count
    let histograms = Mirror(reflecting: tally).children.filter { $0.value is DurationHistogram }.count
    #expect(numbers == Tally.counts.count && histograms == Tally.histograms.count)
  }

  @Test func `a line of progress distinguishes the ramp from the measured part`() throws {
    var plan = try plan()
    plan.ramp = .seconds(10)
    let times = RunTimes(start: Self.start, plan: plan)
    let line = ProgressLine(of: plan)
    var progress = Progress(enrolled: 3, ready: 2)
    #expect(line.text(progress, times: nil, now: Self.start) == "3 with identity, 2 ready of 3")
    progress = Progress(acknowledged: 7, rows: 1400, wireBytes: 2_500_000, errors: 1, p99: .milliseconds(12))
    #expect(
      line.text(progress, times: times, now: Self.start + .seconds(4))
        == "ramp 4 s of 10: 7 pushes/s, 1400 rows/s, 2.50 MB/s, p99 12.0 ms, 7 acknowledged, 1 errors")
    #expect(line.text(progress, times: times, now: Self.start + .seconds(11)).hasPrefix("1 s of 2: "))
  }

  @Test(
    arguments: [
      (0.0, 2, "0.00"), (1.005, 1, "1.0"), (1234.56, 0, "1235"), (0.0499, 1, "0.0"), (2.9996, 3, "3.000"),
      (-0.25, 2, "-0.25"), (-12.04, 1, "-12.0"),
    ])
  func `numbers are rounded for people`(number: Double, digits: Int, text: String) {
    #expect(Report.rounded(number, digits) == text)
  }

  @Test func `a plot has short numbers and round ticks`() {
    let shorts = [0.0, 0.5, 7, 12.34, 123.4, 1234, 99_999, 1_500_000, 2e9].map(Plot.short)
    #expect(shorts == ["0", "0.5", "7", "12.3", "123", "1.23k", "100k", "1.5M", "2G"])
    #expect(Plot.roundTicks(0, 9.3).map(\.at) == [0, 2, 4, 6, 8, 10])
    #expect(Plot.roundTicks(0, 100).map(\.at) == [0, 20, 40, 60, 80, 100])
    #expect(HTMLText.grouped(1_234_567) == "1,234,567" && HTMLText.grouped(-1000) == "-1,000")
    #expect(HTMLText.grouped(999) == "999" && HTMLText.grouped(0) == "0")
  }
}
