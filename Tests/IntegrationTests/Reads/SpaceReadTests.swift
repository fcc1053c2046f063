import Ground
import Protocol
import Testing

@testable import App

/// Growth and forecasts equal those that the test computes from the pushed sizes.
@Suite struct SpaceReadTests {
  /// The slopes and dates that an independent computation gives for points of time and value, in days and gigabytes.
  private struct Fit {
    let slope: Double
    let low: Double
    let high: Double
    let daysUntilFull: Double

    init(_ points: [(x: Double, y: Double)], free: Double) {
      let n = Double(points.count)
      var slopes: [Double] = []
      for (index, one) in points.enumerated() {
        for other in points[(index + 1)...] { slopes.append((other.y - one.y) / (other.x - one.x)) }
      }
      slopes.sort()
      let spread = 1.2816 * (n * (n - 1) * (2 * n + 5) / 18).squareRoot()
      let count = Double(slopes.count)
      slope = Self.median(slopes)
      low = slopes[max(0, Int(((count - spread) / 2).rounded(.down)) - 1)]
      high = slopes[min(slopes.count - 1, Int(((count + spread) / 2).rounded(.up)))]
      let fitted = slope
      let level = Self.median(points.map { $0.y - fitted * $0.x }) + slope * points[points.count - 1].x
      daysUntilFull = (free + points[points.count - 1].y - level) / slope
    }

    static func median(_ values: [Double]) -> Double {
      let sorted = values.sorted()
      return sorted.count % 2 == 1
        ? sorted[sorted.count / 2] : (sorted[sorted.count / 2 - 1] + sorted[sorted.count / 2]) / 2
    }
  }

  private func disk(_ device: String, _ used: Double, total: Int64 = 1000, time: String) -> String {
    let whole = Int64(used.rounded(.down))
    return
      #"{"type":"disk_usage","timestamp":"\#(time)","filesystems":[{"device":"\#(device)","mount":"/","total_gb":\#(total),"#
      + #""used_gb":\#(whole),"free_gb":\#(total - whole),"percent_used":\#(used * 100 / Double(total))}]}"#
  }

  private func close(_ left: Double?, _ right: Double, by relative: Double = 1e-6) -> Bool {
    guard let left else { return false }
    return abs(left - right) <= relative * max(abs(right), 1)
  }

  private func seconds(_ time: JSONValue?) -> Double? {
    time?.text.flatMap { Timestamp(rfc3339: $0) }.map { Double($0.unixMicroseconds) / 1e6 }
  }

  /// Series of 72 hourly samples, in gigabytes.
  private static let series: [(device: String, used: @Sendable (Int, Double) -> Double)] = [
    ("linear", { hour, _ in 100 + Double(hour) }),
    ("noise", { hour, noise in 100 + Double(hour) + 4 * noise }),
    ("outliers", { hour, _ in hour % 9 == 4 ? 600 : 100 + Double(hour) }),
    ("cliff", { hour, _ in (hour < 40 ? 500 : 300) + 2 * Double(hour) }),
    ("sawtooth", { hour, _ in 500 + Double(hour % 12) * 20 }),
    ("flat", { _, _ in 500 }),
    ("flatnoise", { hour, noise in 500 + noise }),
    ("falling", { hour, _ in 500 - Double(hour) }),
    ("full", { hour, _ in min(1000, 964 + Double(hour)) }),
  ]

  @Test(arguments: TestCluster.storageKinds)
  func `a file system is full at the date that a robust fit gives`(_ kind: StorageKind) async throws {
    let bench = try await ObjectReadBench(kind)
    // One seed, because one of ten series of mere noise seems to grow at 80 %.
    var random = RollupTests.SplitMix(state: 7)
    var used: [String: [Double]] = [:]
    var metrics: [String] = []
    for hour in 0..<72 {
      for (device, value) in Self.series {
        let noise = Double(random.next(2001)) / 1000 - 1
        used[device, default: []].append(value(hour, noise))
        metrics.append(disk(device, value(hour, noise), time: bench.time(Int64(hour) * 3600 + 1800)))
      }
    }
    try await bench.push(metrics)
    let end = Double(bench.start + 71 * 3600 + 1800)

    func compare(byRollups isRolledUp: Bool) async throws {
      let answer = try await bench.ask("space")
      #expect((answer["source"]?.text == "1h") == isRolledUp)
      let rows = answer["file_systems"]?.elements ?? []
      func row(_ device: String) -> JSONValue { rows.first { $0["device"]?.text == device } ?? .null }
      for device in ["linear", "noise", "outliers"] {
        let points = used[device]!.enumerated().map { (x: Double($0) / 24, y: $1) }
        let fit = Fit(points, free: 1000 - points[71].y.rounded(.down))
        let row = row(device)
        #expect(close(row["growth_gb_per_day"]?.number, fit.slope), "\(device): \(row)")
        #expect(close(row["growth_gb_per_day_low"]?.number, fit.low), "\(device): \(row)")
        #expect(close(row["growth_gb_per_day_high"]?.number, fit.high), "\(device): \(row)")
        #expect(close(seconds(row["full_at"]), end + fit.daysUntilFull * 86_400, by: 1e-8), "\(device): \(row)")
        #expect(row["points"]?.integer == 72)
        let dates = ["full_earliest", "full_at", "full_latest"].compactMap { seconds(row[$0]) }
        #expect(dates.count == 3 && dates == dates.sorted(), "\(device): \(row)")
      }
      // 829 GB are free after the last sample, at 24 GB a day.
      #expect(close(seconds(row("linear")["full_at"]), end + 829 * 3600, by: 1e-9), "\(row("linear"))")
      // The cleanup does not count: 558 GB are free, at 48 GB a day.
      #expect(close(row("cliff")["growth_gb_per_day"]?.number, 48), "\(row("cliff"))")
      #expect(close(seconds(row("cliff")["full_at"]), end + 558 * 1800, by: 1e-9), "\(row("cliff"))")
      for device in ["sawtooth", "flat", "flatnoise", "falling"] {
        #expect(row(device).line(["full_at", "full_earliest", "full_latest"]) == "-|-|-", "\(row(device))")
      }
      #expect(close(row("falling")["growth_gb_per_day"]?.number, -24))
      #expect(close(seconds(row("full")["full_at"]), end, by: 1e-9), "\(row("full"))")
      #expect(rows.first?["device"]?.text == "full")
    }
    try await compare(byRollups: false)
    #expect(try await bench.rollUp())
    try await compare(byRollups: true)

    // Three points are too few, and a short range is read sample by sample.
    let short = try await bench.ask("space", from: 0, to: 10_800)["file_systems"]?[0]
    #expect(short?.line(["points", "growth_gb_per_day", "full_at"]) == "3|-|-", "\(short ?? .null)")
    let longer = try await bench.ask("space", from: 0, to: 18_000)["file_systems"]?.elements.first {
      $0["device"]?.text == "linear"
    }
    #expect(longer?["points"]?.integer == 5 && close(longer?["growth_gb_per_day"]?.number, 24), "\(longer ?? .null)")
    await bench.server.stop()
  }

  @Test(arguments: TestCluster.storageKinds)
  func `growth is the last size less the first one, of the server, its databases and tables, over late rows`(
    _ kind: StorageKind
  ) async throws {
    let bench = try await ObjectReadBench(kind)
    let seed = UInt64.random(in: 0 ... .max)
    var random = RollupTests.SplitMix(state: seed)
    /// The samples of each object by second and size.
    var sizes: [String: [(Int64, Int64)]] = [:]
    func push(from first: Int64, to last: Int64) async throws {
      var metrics: [String] = []
      for minute in stride(from: first, to: last, by: 13) {
        for database in ["a", "b"] {
          let second = minute * 60 + random.next(50)
          if random.next(9) == 0 {
            metrics.append(
              #"{"type":"pg_stats","timestamp":"\#(bench.time(second))","database":"\#(database)","size_bytes":0,"tables":[],"indexes":[]}"#
            )
            continue
          }
          var tables: [String] = []
          // The tables appear and vanish.
          for table in 0..<4 where random.next(5) > 0 {
            let size = random.next(1 << 50)
            sizes["table|\(database)|s|t\(table)", default: []].append((second, size))
            tables.append(#"{"schema":"s","name":"t\#(table)","size_bytes":\#(size)}"#)
          }
          let size = random.next(3) == 0 ? Int64.max : random.next(1 << 60) + 1
          sizes["database|\(database)|-|\(database)", default: []].append((second, size))
          metrics.append(
            #"{"type":"pg_stats","timestamp":"\#(bench.time(second))","database":"\#(database)","size_bytes":\#(size),"#
              + #""tables":[\#(tables.joined(separator: ","))],"indexes":[]}"#)
        }
      }
      try await bench.push(metrics)
    }
    try await push(from: 3, to: 2000)

    /// What a long range has: the last sample of each hour.
    func hourly(_ samples: [(Int64, Int64)]) -> [(Int64, Int64)] {
      samples.enumerated().filter { index, sample in
        index == samples.count - 1 || samples[index + 1].0 / 3600 != sample.0 / 3600
      }.map(\.element)
    }
    func wanted(_ from: Int64, _ to: Int64) -> [String] {
      var lines: [String] = []
      for (key, all) in sizes {
        var samples = all.filter { $0.0 >= from && $0.0 < to }.sorted { $0.0 < $1.0 }
        if to - from > 6 * 3600 { samples = hourly(samples) }
        guard let one = samples.first, let other = samples.last else { continue }
        let growth = samples.count > 1 ? "\(other.1 - one.1)" : "-"
        lines.append("\(key)|\(other.1)|\(growth)|\(samples.count)")
      }
      return lines.sorted()
    }
    func compare(_ from: Int64, _ to: Int64, _ comment: String) async throws {
      let rows = try await bench.rows("space", from: from, to: to)
      let lines = rows.map { $0.line(["kind", "database", "schema", "name", "size_bytes", "growth_bytes", "samples"]) }
      #expect(lines.filter { !$0.hasPrefix("server") }.sorted() == wanted(from, to), "seed \(seed), \(comment)")
      let server = rows.filter { $0["kind"]?.text == "server" }
      let databases = rows.filter { $0["kind"]?.text == "database" }
      func sum(_ name: String) -> Double { databases.reduce(0) { $0 + ($1[name]?.number ?? .nan) } }
      #expect(server.count == 1 && close(server[0]["growth_bytes"]?.number, sum("growth_bytes"), by: 1e-12))
      #expect(close(server.first?["size_bytes"]?.number, sum("size_bytes"), by: 1e-12))
      let ordered = rows.map { $0["growth_bytes"]?.number ?? -.infinity }
      #expect(ordered == ordered.sorted(by: >))
    }
    for stage in ["rows", "roll-ups", "late rows", "late rows rolled up"] {
      if stage == "late rows" { try await push(from: 9, to: 700) }
      if stage.hasSuffix("ups") || stage.hasSuffix("up") { #expect(try await bench.rollUp()) }
      for (from, to) in [(Int64(0), Int64(259_200)), (5000, 100_000), (7200, 14_400), (0, 21_601)] {
        try await compare(from, to, stage)
      }
    }
    let one = try await bench.rows("space", "&kind=table&database=b")
    #expect(!one.isEmpty && one.allSatisfy { $0["database"]?.text == "b" && $0["kind"]?.text == "table" })
    await bench.server.stop()
  }
}
