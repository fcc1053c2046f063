// The report as one HTML page. It contains its styles and plots, and loads nothing from any host.

internal import Glibc
internal import Ground
internal import HTTPClient
internal import Protocol
internal import Reactor

/// Texts for HTML.
enum HTMLText {
  static func escaped(_ text: String) -> String {
    var escaped = ""
    for character in text {
      switch character {
      case "&": escaped += "&amp;"
      case "<": escaped += "&lt;"
      case ">": escaped += "&gt;"
      case "\"": escaped += "&quot;"
      default: escaped.append(character)
      }
    }
    return escaped
  }

  /// Returns the number with separators, such as 1,234,567.
  static func grouped(_ number: Int) -> String {
    var digits = String(number.magnitude)
    var groups: [String] = []
    while digits.count > 3 {
      groups.insert(String(digits.suffix(3)), at: 0)
      digits.removeLast(3)
    }
    return (number < 0 ? "-" : "") + ([digits] + groups).joined(separator: ",")
  }
}

/// Renders a report as HTML.
struct HTMLReport {
  let report: Report
  let toleratesOutage: Bool
  /// The end of the run in unix seconds, for the title.
  let unixSeconds: Int64

  /// The whole page.
  func bytes() -> [UInt8] { Array(page.utf8) }

  private var page: String {
    let isClean = report.isClean(toleratingOutage: toleratesOutage)
    return """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <title>pganalytics-bench, \(time)</title>
      <style>
      \(HTMLStyle.css)
      </style>
      </head>
      <body>
      <header>
      <h1>pganalytics-bench <span class="verdict \(isClean ? "good" : "bad")">\(isClean ? "clean" : "not clean")</span></h1>
      <p>\(HTMLText.escaped(report.plan.endpoint.url.authority)) · \(time) · \(HTMLText.grouped(report.plan.collectors)) \
      collectors · \(HTMLText.escaped(report.pace)) · \(HTMLText.escaped(report.plan.payload)), \
      \(HTMLText.escaped(report.compression))</p>
      </header>
      <main>
      \(tiles)
      <section class="plots">
      \(plots)</section>
      <section class="tables">
      \(tables)</section>
      </main>
      <footer>pganalytics-bench \(Version.text). Latency counts from the moment a push was due, not from when it \
      could be sent; pushes that were never made or acknowledged are in it with the time they had waited.</footer>
      </body>
      </html>

      """
  }

  private var time: String {
    RFC3339.text(unixMicroseconds: unixSeconds * 1_000_000).replacing("T", with: " ").replacing("Z", with: " UTC")
  }

  // MARK: Tiles

  private var tiles: String {
    let measured = report.measured
    var tiles: [(title: String, value: String, note: String)] = [
      ("Pushes", Plot.short(report.pushesPerSecond) + "/s", "\(HTMLText.grouped(measured.acknowledged)) acknowledged"),
      ("Rows", Plot.short(report.rowsPerSecond) + "/s", "\(HTMLText.grouped(measured.rows)) stored"),
      (
        "Latency p50", Self.milliseconds(measured.pushLatency.percentile(50)),
        "mean \(Self.milliseconds(measured.pushLatency.mean))"
      ),
      (
        "Latency p99", Self.milliseconds(measured.pushLatency.percentile(99)),
        "p99.9 \(Self.milliseconds(measured.pushLatency.percentile(99.9)))"
      ),
      (
        "Client CPU", Self.microseconds(report.clientCPU.microsecondsPerPush),
        "a push; \(Report.rounded(report.clientCPU.cores, 2)) cores"
      ),
    ]
    if let reads = report.reads {
      tiles.append(
        (
          "Reads", Plot.short(report.readsPerSecond) + "/s",
          "p99 \(Self.milliseconds(reads.latency.percentile(99))); \(HTMLText.grouped(reads.failed)) failed"
        ))
    }
    if let cpu = report.serverCPU {
      tiles.append(
        (
          "Server CPU", Self.microseconds(cpu.microsecondsPerPush),
          "a push; \(Report.rounded(cpu.microsecondsPerRow, 2)) µs a row, \(Report.rounded(cpu.cores, 2)) cores"
        ))
    }
    if let verification = report.watched?.verification {
      tiles.append(
        (
          "Verified", verification.isExact ? "exact" : "mismatch",
          "\(HTMLText.grouped(verification.stored.allRows)) rows in the database"
        ))
    }
    let cards = tiles.map { tile in
      "<div><h2>\(tile.title)</h2><strong>\(tile.value)</strong><small>\(tile.note)</small></div>"
    }
    return "<section class=\"tiles\">\(cards.joined(separator: "\n"))</section>"
  }

  // MARK: Plots

  private var plots: String {
    let series = report.tally.series
    let width = Double(series.secondsPerInterval)
    func curve(_ name: String, _ colour: Int, _ value: (Interval) -> Double) -> Plot.Curve {
      Plot.Curve(
        name: name, colour: colour,
        points: series.intervals.enumerated().map { ((Double($0) + 0.5) * width, value($1)) })
    }
    func latency(_ name: String, _ colour: Int, _ percent: Double) -> Plot.Curve {
      Plot.Curve(
        name: name, colour: colour,
        points: series.intervals.enumerated().compactMap { index, interval in
          if interval.latency.count == 0 { return nil }
          return ((Double(index) + 0.5) * width, interval.latency.percentile(percent).inMilliseconds)
        })
    }
    let ramp = report.times.flatMap { times -> ClosedRange<Double>? in
      let length = times.start.duration(to: times.measureStart).inSeconds
      return length > 0 ? 0...length : nil
    }
    let seconds = "seconds since the start"
    var plots = [
      percentilePlot,
      Plot(
        title: "Latency over time", xTitle: seconds, yTitle: "ms",
        curves: [latency("p50", 1, 50), latency("p90", 2, 90), latency("p99", 3, 99), latency("max", 4, 100)],
        yScale: .logarithmic, shaded: ramp),
      Plot(
        title: "Throughput", xTitle: seconds, yTitle: "pushes a second",
        curves: [curve("pushes/s", 1) { Double($0.acknowledged) / width }], shaded: ramp),
      Plot(
        title: "Rows", xTitle: seconds, yTitle: "rows a second",
        curves: [curve("acknowledged", 2) { Double($0.rows) / width }] + storedRows, shaded: ramp),
    ]
    if series.intervals.contains(where: { $0.errors > 0 }) {
      var errors = curve("errors", 4) { Double($0.errors) / width }
      errors.isBars = true
      plots.append(
        Plot(title: "Errors", xTitle: seconds, yTitle: "errors a second", curves: [errors], shaded: ramp))
    }
    plots += watchedPlots(seconds, ramp)
    // All plots over time have the same x axis, so that simultaneous events appear below one another.
    for index in plots.indices where plots[index].xTitle == seconds { plots[index].xRange = 0...end }
    return plots.map { $0.html() }.joined()
  }

  /// The latency by percentile. As in the plots of HdrHistogram, each further nine of the percentile gets the same
  /// width.
  private var percentilePlot: Plot {
    let shares = stride(from: 0.0, through: 4.0, by: 0.1).map { (place: $0, percent: 100 * (1 - pow(10, -$0))) }
    func curve(_ name: String, _ colour: Int, _ histogram: DurationHistogram) -> Plot.Curve {
      // Beyond this percentile there are too few pushes.
      let last = histogram.count > 0 ? log10(Double(histogram.count)) : -1
      return Plot.Curve(
        name: name, colour: colour,
        points: shares.filter { $0.place <= max(last, 0) && histogram.count > 0 }.map {
          ($0.place, histogram.percentile($0.percent).inMilliseconds)
        })
    }
    let measured = report.measured
    return Plot(
      title: "Latency by percentile", xTitle: "percentile", yTitle: "ms",
      curves: [
        curve("from due", 1, measured.pushLatency), curve("from sent", 2, measured.serviceLatency),
        curve("server's commit", 3, measured.commitLatency),
      ], yScale: .logarithmic,
      xTicks: [(0, "0"), (0.301, "50"), (1, "90"), (2, "99"), (3, "99.9"), (4, "99.99")].map {
        Plot.Tick(at: $0.0, text: $0.1)
      })
  }

  /// Returns the growth of a counter per second between consecutive samples.
  private func rates<Value>(
    _ samples: [SampleLog<Value>.Sample], _ counter: (Value) -> Double?
  ) -> [(x: Double, y: Double)] {
    zip(samples, samples.dropFirst()).compactMap { earlier, later in
      let seconds = earlier.at.duration(to: later.at).inSeconds
      guard seconds > 0, let from = counter(earlier.value), let to = counter(later.value) else { return nil }
      let place = report.secondsSinceStart(later.at)
      return place < 0 || place > end ? nil : (place - seconds / 2, max(0, (to - from) / seconds))
    }.filter { $0.x >= 0 }
  }

  /// The end of the time axis, one second after the last interval.
  private var end: Double { Double(report.tally.series.intervals.count * report.tally.series.secondsPerInterval) + 1 }

  private var storedRows: [Plot.Curve] {
    guard let samples = report.watched?.server.samples, samples.count > 1 else { return [] }
    let points = rates(samples) { $0.rowsStored }
    return [Plot.Curve(name: "stored, as the server counts", colour: 3, points: points)]
  }

  private func watchedPlots(_ seconds: String, _ ramp: ClosedRange<Double>?) -> [Plot] {
    var plots: [Plot] = []
    if let samples = report.watched?.server.samples, samples.count > 1 {
      func gauge(_ name: String, _ scale: Double) -> [(x: Double, y: Double)] {
        samples.compactMap { sample in
          let place = report.secondsSinceStart(sample.at)
          return place < 0 || place > end ? nil : sample.value.sum(name).map { (place, $0 / scale) }
        }
      }
      plots.append(
        Plot(
          title: "Server: loops busy", xTitle: seconds, yTitle: "cores",
          curves: [
            Plot.Curve(
              name: "busy", colour: 5,
              points: rates(samples) { $0.sum("pganalytics_loop_busy_seconds_total") })
          ], shaded: ramp))
      plots.append(
        Plot(
          title: "Server: held memory and backlog", xTitle: seconds, yTitle: "MB",
          curves: [
            Plot.Curve(name: "held", colour: 6, points: gauge("pganalytics_held_bytes", 1e6)),
            Plot.Curve(
              name: "writers' backlog", colour: 2, points: gauge("pganalytics_writer_backlog_bytes", 1e6)),
          ], shaded: ramp))
    }
    if let samples = report.watched?.database?.samples, samples.count > 1 {
      plots.append(
        Plot(
          title: "Database: write-ahead log", xTitle: seconds, yTitle: "MB a second",
          curves: [Plot.Curve(name: "log", colour: 4, points: rates(samples) { Double($0.walBytes) / 1e6 })],
          shaded: ramp))
      plots.append(
        Plot(
          title: "Database: commits", xTitle: seconds, yTitle: "commits a second",
          curves: [Plot.Curve(name: "commits", colour: 1, points: rates(samples) { Double($0.commits) })],
          shaded: ramp))
    }
    return plots
  }

  // MARK: Numbers

  static func milliseconds(_ duration: Duration) -> String { Plot.short(duration.inMilliseconds) + " ms" }
  static func microseconds(_ number: Double) -> String { Plot.short(number) + " µs" }
}
