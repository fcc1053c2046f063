import Ground
import Protocol
import Testing

@testable import App

/// The lines of the log, their times and searches equal those that the test computes from what it pushed.
@Suite struct LogReadTests {
  private struct Line {
    var arrived: Int64
    var logged: String
    var level: String
    var message: String
  }

  private func list(_ database: String, _ time: String, _ lines: [(logged: String, level: String, message: String)])
    -> String
  {
    let entries = lines.map { #"{"timestamp":"\#($0.logged)","level":"\#($0.level)","message":"\#($0.message)"}"# }
    return
      #"{"type":"pg_log","timestamp":"\#(time)","database":"\#(database)","entries":[\#(entries.joined(separator: ","))]}"#
  }

  private static let columns = ["time", "time_from", "arrived_at", "database", "level", "message"]

  @Test(arguments: TestCluster.storageKinds)
  func `the time of a line is its first arrival if the logged time is constant or far away`(_ kind: StorageKind)
    async throws
  {
    let bench = try await ObjectReadBench(kind)
    let constant = "2024-01-15T10:00:00Z"
    func at(_ seconds: Int64) -> String { bench.time(seconds) }
    try await bench.push([
      // The stock collector: a constant time, and lines that are reported again.
      list("stock", at(100), [(constant, "LOG", "start"), (constant, "ERROR", "boom")]),
      list("stock", at(200), [(constant, "LOG", "start"), (constant, "ERROR", "boom"), (constant, "LOG", "again")]),
      // A constant time within a day.
      list("fixed", at(90_000), [(at(89_000), "LOG", "one")]), list("fixed", at(90_060), [(at(89_000), "LOG", "two")]),
      // Times of their own: near, older than a day, in the future, missing.
      list("own", at(100_000), [(at(99_000), "LOG", "near"), (at(100_000 - 86_401), "LOG", "old")]),
      list("own", at(100_060), [(at(100_060 - 86_400), "LOG", "a day"), (at(100_060 + 86_401), "LOG", "future")]),
      list("own", at(100_120), [("", "LOG", "unknown"), ("", "LOG", "unknown")]),
      // The same line arrives again, in a list that does not begin with it.
      list("own", at(100_180), [(at(100_150), "LOG", "other"), (at(99_000), "LOG", "near")]),
      // A single list does not make a time constant.
      list("single", at(110_000), [(at(109_000), "LOG", "a"), (at(109_000), "LOG", "b"), (at(109_000), "LOG", "b")]),
    ])
    let found = try await bench.rows("log").map { $0.line(Self.columns) }
    let wanted =
      [
        (at(109_000), "logged", at(110_000), "single", "a"), (at(109_000), "logged", at(110_000), "single", "b"),
        (at(109_000), "logged", at(110_000), "single", "b"), (at(100_150), "logged", at(100_180), "own", "other"),
        (at(100_120), "arrival", at(100_120), "own", "unknown"),
        (at(100_120), "arrival", at(100_120), "own", "unknown"),
        (at(100_060), "arrival", at(100_060), "own", "future"), (at(100_000), "arrival", at(100_000), "own", "old"),
        (at(99_000), "logged", at(100_000), "own", "near"), (at(90_060), "arrival", at(90_060), "fixed", "two"),
        (at(90_000), "arrival", at(90_000), "fixed", "one"), (at(13_660), "logged", at(100_060), "own", "a day"),
        (at(200), "arrival", at(200), "stock", "again"),
      ].map { "\($0.0)|\($0.1)|\($0.2)|\($0.3)|LOG|\($0.4)" } + [
        "\(at(100))|arrival|\(at(100))|stock|ERROR|boom", "\(at(100))|arrival|\(at(100))|stock|LOG|start",
      ]
    // Lines of one time have some order of their own.
    #expect(found.sorted() == wanted.sorted())
    #expect(found.map { $0.prefix { $0 != "|" } } == wanted.map { $0.prefix { $0 != "|" } }, "the newest come first")
    await bench.server.stop()
  }

  @Test func `lines are searched by words, and counted by severity and time`() async throws {
    let bench = try await ObjectReadBench(.plain)
    var random = RollupTests.SplitMix(state: UInt64.random(in: 0 ... .max))
    let words = ["deadlock", "detected", "checkpoint", "starting", "Duration", "relation"]
    var lines: [Line] = []
    var metrics: [String] = []
    for minute in Int64(0)..<300 {
      let own = (0..<Int(random.next(4))).map { _ in
        let message = (0..<Int(random.next(4)) + 1).map { _ in words[Int(random.next(6))] }.joined(separator: " ")
        let level = ["LOG", "ERROR", "FATAL"][Int(random.next(3))]
        // No two lines are the same.
        return Line(
          arrived: minute * 60 + 30, logged: bench.time(minute * 60 + random.next(30)), level: level,
          message: "\(message) #\(lines.count)x\(random.next(1 << 40))")
      }
      lines += own
      metrics.append(list("a", bench.time(minute * 60 + 30), own.map { ($0.logged, $0.level, $0.message) }))
    }
    try await bench.push(metrics)

    func has(_ message: String, _ word: String) -> Bool {
      message.lowercased().split(separator: " ").contains { $0 == word }
    }
    let searches: [(String, (Line) -> Bool)] = [
      ("", { _ in true }),
      ("&q=deadlock", { has($0.message, "deadlock") }),
      ("&q=DURATION", { has($0.message, "duration") }),
      ("&q=dead", { has($0.message, "dead") }),
      ("&q=deadlock%20checkpoint", { has($0.message, "deadlock") && has($0.message, "checkpoint") }),
      ("&q=deadlock%20or%20relation", { has($0.message, "deadlock") || has($0.message, "relation") }),
      ("&q=%22deadlock%20detected%22", { $0.message.contains("deadlock detected") }),
      ("&q=-starting", { !has($0.message, "starting") }),
      ("&q=%23", { _ in true }),
      ("&q=%25", { _ in false }),
      ("&level=ERROR", { $0.level == "ERROR" }),
      ("&q=relation&level=FATAL", { $0.level == "FATAL" && has($0.message, "relation") }),
      ("&database=a", { _ in true }), ("&database=b", { _ in false }),
    ]
    for (query, isWanted) in searches {
      let wanted = lines.filter(isWanted)
      let found = try await bench.rows("log", query, to: 86_400).map { $0.line(["time", "level", "message"]) }
      #expect(found.sorted() == wanted.map { "\($0.logged)|\($0.level)|\($0.message)" }.sorted(), "\(query)")
      var counts: [String: Int] = [:]
      for line in wanted {
        let time = Timestamp(rfc3339: line.logged)!.unixMicroseconds / 1_000_000 / 3600 * 3600
        counts["\(Timestamp(unixSeconds: time).rfc3339)|\(line.level)", default: 0] += 1
      }
      let buckets = try await bench.ask("log", query + "&bucket=1h", to: 86_400)["severities"]?.elements ?? []
      #expect(
        buckets.map { $0.line(["time", "level", "lines"]) } == counts.map { "\($0.key)|\($0.value)" }.sorted(),
        "\(query)")
    }
    await bench.server.stop()
  }
}
