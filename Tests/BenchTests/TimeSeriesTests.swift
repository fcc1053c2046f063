import Reactor
import Testing

@testable import Bench

struct TimeSeriesTests {
  private func series(_ seconds: [Int]) -> TimeSeries {
    var series = TimeSeries()
    for second in seconds {
      series.note(at: .seconds(second)) { interval in
        interval.acknowledged += 1
        interval.rows += 10
        interval.errors += 2
        interval.wireBytes += 100
        interval.latency.record(.milliseconds(second + 1))
      }
    }
    return series
  }

  @Test func `events belong to their second, and events before the start to the first second`() {
    var series = series([0, 0, 2])
    series.note(at: .milliseconds(-30)) { $0.errors += 1 }
    #expect(series.secondsPerInterval == 1 && series.intervals.map(\.acknowledged) == [2, 0, 1])
    #expect(series.intervals.map(\.errors) == [5, 0, 2])
  }

  @Test func `a long run has wider intervals instead of more intervals, and loses nothing`() {
    let seconds = Array(0..<3600)
    let series = series(seconds)
    #expect(series.secondsPerInterval == 16 && series.intervals.count == 225)
    #expect(series.intervals.dropLast().allSatisfy { $0.acknowledged == 16 && $0.latency.count == 16 })
    #expect(series.intervals.reduce(0) { $0 + $1.rows } == 36_000)
    #expect(series.intervals.last?.latency.maximum == .seconds(3600) / 1000)
    let edge = self.series([TimeSeries.maximumIntervals - 1])
    #expect(edge.secondsPerInterval == 1 && edge.intervals.count == TimeSeries.maximumIntervals)
    let beyond = self.series([TimeSeries.maximumIntervals])
    #expect(beyond.secondsPerInterval == 2 && beyond.intervals.count == TimeSeries.maximumIntervals / 2 + 1)
  }

  @Test func `a merged series equals one series of all events, whatever the widths`() {
    let (short, long) = (Array(0..<100), Array(stride(from: 0, to: 1000, by: 3)))
    var sum = series(short)
    sum.merge(series(long))
    var other = series(long)
    other.merge(series(short))
    #expect(sum == series(long + short) && other == sum)
    sum.merge(TimeSeries())
    #expect(other == sum)
  }
}
