import Glibc
import Ground
import Reactor
import Testing

@testable import Bench

struct WatchTests {
  private static let page = """
    # HELP pganalytics_rows_stored_total Rows committed, by table.
    # TYPE pganalytics_rows_stored_total counter
    pganalytics_rows_stored_total{table="pg_stats"} 10
    pganalytics_rows_stored_total{table="a b} c"} 5.5e1
    pganalytics_rows_stored_total{table="objects"} 1000
    pganalytics_uptime_seconds 12 1700000000000
    nonsense
    pganalytics_half{le="+Inf"} +Inf
    """

  @Test func `the lines of a page are read with their labels`() {
    let page = PrometheusPage(Self.page)
    #expect(page.values["pganalytics_rows_stored_total{table=\"pg_stats\"}"] == 10)
    #expect(page.values["pganalytics_rows_stored_total{table=\"a b} c\"}"] == 55)
    #expect(page.values["pganalytics_uptime_seconds"] == 12 && page.values.count == 5)
    #expect(
      page.sum("pganalytics_rows_stored_total") == 1065 && page.rowsStored == 65,
      "names do not count as rows of metrics")
    #expect(page.sum("pganalytics_rows") == nil && page.sum("pganalytics_uptime_seconds") == 12)
  }

  @Test func `growth is the increase of each counter`() {
    let later = PrometheusPage("a 5\nb{x=\"1\"} 7\nc 2\n")
    let growth = later.growth(since: PrometheusPage("a 5\nb{x=\"1\"} 4\n"))
    #expect(growth.values == ["b{x=\"1\"}": 3, "c": 2])
  }

  @Test func `a log of samples covers the whole time with few samples`() {
    var log = SampleLog<Int>(maximum: 8)
    for index in 0..<1000 { log.offer(index, at: MonotonicTime(nanoseconds: UInt64(index))) }
    let values = log.samples.map(\.value)
    #expect(values.count <= 8 && values.count > 4 && values.first == 0 && values.last! >= 896)
    #expect(zip(values, values.dropFirst()).allSatisfy { $1 - $0 == values[1] }, "evenly spaced: \(values)")
  }

  @Test func `the kernel's figures of a process are read`() throws {
    let before = try #require(ProcessFigures.of(Int(getpid())))
    #expect(before.residentBytes > 1 << 20)
    let start = CPUTime.ofProcess()
    var random = QuickRandom(seed: 1)
    while CPUTime.ofProcess() - start < .milliseconds(50) { _ = random.next() }
    let after = try #require(ProcessFigures.of(Int(getpid())))
    #expect(after.cpu > before.cpu && after.cpu - before.cpu < .seconds(60))
    #expect(try #require(ProcessFigures.family(of: Int(getpid()))).cpu >= after.cpu)
    #expect(ProcessFigures.of(1 << 30) == nil && ProcessFigures.family(of: 1 << 30) == nil)
  }

  @Test func `the database's row of counters is read`() {
    let figures = DatabaseFigures(row: ["5", "1", "900", "1000000", "70", "3", "9000000"])
    #expect(figures?.commits == 5 && figures?.rowsInserted == 900 && figures?.walBytes == 1_000_000)
    #expect(figures.map { $0 - $0 } == DatabaseFigures())
    #expect(DatabaseFigures(row: ["5", nil, "900", "1", "1", "1", "1"]) == nil)
  }
}
