import Protocol
import Testing

@testable import App

@Suite struct MetricsQueryTests {
  private func query(_ text: String) throws -> MetricsQuery { try MetricsQuery.decode(head("GET", "/?\(text)").target) }

  private func refusal(_ text: String) -> String? {
    do throws(Problem) {
      let query: MetricsQuery
      do { query = try self.query(text) } catch let problem as Problem { throw problem } catch { return "\(error)" }
      _ = try query.selection()
      return nil
    } catch { return error.details }
  }

  @Test func `a time parameter is a time or a duration before another time`() throws {
    let end = Timestamp(unixSeconds: 1_000_000)
    #expect(try query("start_time=1970-01-02T00:00:00Z").start?.resolved(before: end) == Timestamp(unixSeconds: 86_400))
    #expect(try query("start_time=24h").start?.resolved(before: end) == Timestamp(unixSeconds: 913_600))
    #expect(try query("start_time=7d").start == .before(.seconds(604_800)))
    #expect(try query("end_time=3660d").end == .before(.seconds(3660 * 86_400)))
    for wrong in ["0s", "3661d", "24", "-1h", "1970-01-02", "yesterday", "1.5h"] {
      #expect(refusal("start_time=\(wrong)")?.hasPrefix("start_time must be") == true, "\(wrong)")
    }
  }

  @Test func `the schema of a time parameter has two forms`() throws {
    let start = try #require(MetricsQuery.parameters.first { $0.name == "start_time" })
    #expect(start.schema.alternatives.map(\.format) == ["date-time", nil])
    #expect(start.schema.alternatives[1].pattern != nil)
  }

  @Test func `each selected column is taken once, and columns that name the series are left out`() throws {
    let selection = try query("metric_type=pg_query_stats&columns=calls,hash,rows,calls").selection()
    #expect(selection.columns.map(\.name) == ["calls", "rows"])
    #expect(selection.names == ["time", "database", "hash", "userid", "dbid", "toplevel", "calls", "rows"])
    #expect(refusal("columns=") == "columns must be a text of 1 to 4096 characters on one line")
    #expect(refusal("columns=size_bytes,") == "columns: pg_stats has no column \"\"")
  }

  @Test func `counters have rates, numbers have p95, and labels have only the last value`() {
    let gauge = MetricColumn.count("a")
    let label = MetricColumn.text("b")
    let counter = MetricColumn.counter("c")
    #expect(Aggregate.allCases.filter { $0.isDefined(for: counter) } == Aggregate.allCases)
    #expect(Aggregate.allCases.filter { $0.isDefined(for: gauge) } == Aggregate.allCases.filter { $0 != .rate })
    #expect(Aggregate.allCases.filter { $0.isDefined(for: label) } == [.last])
  }

  @Test func `roll-ups answer a query exactly where their parts make up the answer`() throws {
    func steps(_ text: String) throws -> [RollupStep] {
      let selection = try query(text).selection()
      return RollupStep.allCases.filter { selection.isComposable(of: $0) }
    }
    #expect(try steps("bucket=5m") == [.fiveMinutes])
    #expect(try steps("bucket=90m") == [.fiveMinutes])
    #expect(try steps("bucket=2h&aggregate=rate") == [.fiveMinutes, .hour])
    #expect(try steps("bucket=7m") == [])
    #expect(try steps("bucket=1h&aggregate=p95") == [])
    #expect(try steps("metric_type=pg_stats_tables&bucket=1h&aggregate=last") == [], "some columns are times")
    #expect(try steps("metric_type=pg_stats_tables&bucket=1h&aggregate=last&columns=size_bytes").count == 2)
    #expect(try steps("metric_type=pg_stats") == [])
  }

  @Test func `two queries have different identities if they differ in more than limit and cursor`() throws {
    let same = try query("metric_type=pg_stats&bucket=1h&limit=5&cursor=x").identity
    #expect(try query("metric_type=pg_stats&bucket=1h").identity == same)
    var seen: Set<String> = [same]
    for other in [
      "metric_type=sysstat&bucket=1h", "metric_type=pg_stats&bucket=2h", "metric_type=pg_stats&bucket=1h&database=a",
      "metric_type=pg_stats&bucket=1h&object=a", "metric_type=pg_stats&bucket=1h&start_time=1d",
      "metric_type=pg_stats&bucket=1h&end_time=1d", "metric_type=pg_stats&bucket=1h&aggregate=max",
      "metric_type=pg_stats&bucket=1h&columns=size_bytes",
    ] { #expect(seen.insert(try query(other).identity).inserted, "\(other)") }
  }

  @Test(arguments: [(-1, -3600), (0, 0), (3599, 0), (3600, 3600)])
  func `an hour step finds the begin of an hour, before 1970 too`(_ second: Int64, _ begin: Int64) {
    #expect(RollupStep.hour.floor(Timestamp(unixSeconds: second)) == Timestamp(unixSeconds: begin))
  }
}
