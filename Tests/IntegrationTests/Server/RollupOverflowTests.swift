import Glibc
import Ground
import Protocol
import Testing

@testable import App

/// Values at the end of a number's range stop neither roll-ups nor queries.
@Suite struct RollupOverflowTests {
  /// The samples of one bucket of 5 minutes: counters, gauges and integers.
  private struct Extremes {
    let totalTime: [String]
    let meanTime: [String]
    let calls: [String]
  }

  private static let buckets = [
    Extremes(totalTime: ["1.7976931348623157e308", "NULL"], meanTime: ["1.7e308", "1.7e308"], calls: ["1", "2"]),
    Extremes(
      totalTime: ["-1.7e308", "1.7e308"], meanTime: ["1.7e308", "-1.7e308"],
      calls: ["-9223372036854775808", "9223372036854775807"]),
    Extremes(
      totalTime: ["0", "1.7e308", "0", "1.7e308"], meanTime: ["1e200", "-1e200"],
      calls: ["9223372036854775807", "9223372036854775807"]),
    Extremes(totalTime: ["4.9e-324", "1e-323"], meanTime: ["4.9e-324", "0", "0"], calls: ["0", "0"]),
    Extremes(totalTime: ["'NaN'", "5"], meanTime: ["'NaN'", "1"], calls: ["NULL", "3"]),
    Extremes(totalTime: ["'-Infinity'", "'Infinity'"], meanTime: ["'Infinity'", "'-Infinity'"], calls: ["3", "4"]),
    Extremes(totalTime: ["1.7e308", "NULL"], meanTime: ["NULL", "1.7e308"], calls: ["5", "NULL"]),
    Extremes(totalTime: ["2", "8"], meanTime: ["2", "4"], calls: ["6", "12"]),
  ]

  @Test(arguments: TestCluster.storageKinds)
  func `an overflow is null in its bucket, from rows and from roll-ups, and is counted`(_ kind: StorageKind)
    async throws
  {
    let server = try await RunningServer.start(kind) { $0.rollupInterval = .seconds(86_400) }
    let reader = try await MetricsReadTests.Reader(kind, server)
    let start = (Int64(Glibc.time(nil)) / 86_400 - 1) * 86_400
    var rows: [String] = []
    for (index, bucket) in Self.buckets.enumerated() {
      for sample in 0..<max(bucket.totalTime.count, bucket.meanTime.count) {
        func value(_ values: [String]) -> String { sample < values.count ? values[sample] : "NULL" }
        rows.append(
          """
          (to_timestamp(\(start + Int64(index) * 300 + Int64(sample) * 60)), \(reader.collector.serverID), 7,
            \(value(bucket.totalTime)), \(value(bucket.meanTime)), \(value(bucket.calls)))
          """)
      }
    }
    let day = Day(unixDays: Int32(start / 86_400))
    try await Partitions(database: server.database, storage: Live(constant: server.settings.storage)).ensure(days: [day]
    )
    try await server.database.script(
      """
      INSERT INTO metrics.pg_query_stats (time, server_id, hash, total_time, mean_time, calls) VALUES
      \(rows.joined(separator: ",\n"));
      INSERT INTO pganalytics.rollup_pending (step_seconds, server_id, first_time, last_time)
      VALUES (300, \(reader.collector.serverID), to_timestamp(\(start)), to_timestamp(\(start + 7200)))
      """)

    func answers(_ source: String, bucket: String) async throws -> [String: [JSONValue]] {
      var answers: [String: [JSONValue]] = [:]
      for aggregate in Aggregate.allCases where source == "raw" || aggregate.isComposable {
        let columns = aggregate == .rate ? "total_time,calls" : "total_time,mean_time,calls"
        let answer = try await reader.metrics(
          "metric_type=pg_query_stats&bucket=\(bucket)&aggregate=\(aggregate.rawValue)&columns=\(columns)&source=\(source)"
            + "&start_time=\(Timestamp(unixSeconds: start).rfc3339)&end_time=\(Timestamp(unixSeconds: start + 7200).rfc3339)"
        )
        #expect(answer.status == 200, "\(source) \(aggregate) \(answer)")
        #expect(answer.json["source"]?.text == source)
        answers[aggregate.rawValue] = answer.json["data"]?.elements ?? []
      }
      return answers
    }
    let raw = try await answers("raw", bucket: "5m")
    let rates = try await reader.metrics(
      "metric_type=pg_query_stats&aggregate=rate&start_time=\(Timestamp(unixSeconds: start).rfc3339)")
    #expect(rates.status == 200 && rates.json["data"]?.elements.count == rows.count, "\(rates)")
    let rawHours = try await answers("raw", bucket: "1h")

    // The other buckets have their values.
    func numbers(_ aggregate: String, _ column: String) -> [Double?] {
      (raw[aggregate] ?? []).map { $0[column]?.number }
    }
    let (largest, tiny) = (Double.greatestFiniteMagnitude, Double.leastNonzeroMagnitude)
    #expect(numbers("sum", "total_time") == [largest, 0, nil, 3 * tiny, nil, nil, 1.7e308, 10])
    #expect(numbers("sum", "mean_time") == [nil, 0, 0, tiny, nil, nil, 1.7e308, 6])
    #expect(numbers("avg", "mean_time") == [nil, 0, 0, 0, nil, nil, 1.7e308, 3])
    #expect(numbers("max", "total_time") == [largest, 1.7e308, 1.7e308, 2 * tiny, nil, nil, 1.7e308, 8])
    #expect(numbers("sum", "calls")[2] == 18_446_744_073_709_551_616)
    // A step from -1.7e308 to 1.7e308 exceeds a double, and so do two steps from 0 to 1.7e308.
    #expect(numbers("rate", "total_time")[1] == nil)
    #expect(numbers("rate", "total_time")[2] == nil)
    #expect(numbers("rate", "total_time")[7] != nil)

    let rollups = Rollups(database: server.database, kind: kind, storage: Live(constant: server.settings.storage))
    let round = try await rollups.round { Issue.record("\($0)") }
    #expect(round.failures == 0)
    // Buckets of 5 minutes: 0 (mean_time), 1 and 2 (total_time), 4 and 5 (not finite). The sixth overflow is that of
    // their hour.
    #expect(round.overflows == 6)
    for (source, bucket, wanted) in [("5m", "5m", raw), ("5m", "1h", rawHours), ("1h", "1h", rawHours)] {
      let found = try await answers(source, bucket: bucket)
      for (aggregate, rows) in found { #expect(rows == wanted[aggregate], "\(source) \(bucket) \(aggregate)") }
    }
    #expect(
      try await server.integer(
        """
        SELECT count(*) FROM rollups.pg_query_stats_5m WHERE "mean_time.count" > 0 AND "mean_time.sum" IS NULL
        """) == 3)
    await server.stop()
  }
}
