import Reactor
import Testing

@testable import App

@Suite struct PushLogTests {
  private let start = MonotonicTime(nanoseconds: 1_000_000_000)

  /// Calls of mutating functions as values, because an expectation cannot make such calls.
  private func refused(_ log: inout PushLog, _ reason: Problem.Kind, after seconds: Int) -> Int? {
    log.faulty(.refused(reason), now: start + .seconds(seconds))
  }

  private func lines(_ log: inout PushLog, after seconds: Int) -> Int {
    (0..<100).filter { _ in refused(&log, .overloaded, after: seconds) != nil }.count
  }

  private func log(sample: Int = 0, perSecond: Int = 10, loops: Int = 1) -> PushLog {
    var settings = Settings()
    settings.pushLogSample = sample
    settings.pushLogRefusalsPerSecond = perSecond
    return PushLog(settings: settings, loops: loops, now: start)
  }

  @Test(arguments: [(1, 100), (7, 14), (100, 1), (101, 0), (0, 0)])
  func `one stored push in so many gets a line`(sample: Int, lines: Int) {
    var log = log(sample: sample)
    let written = (0..<100).filter { _ in log.stored() }.count
    #expect(written == lines)
  }

  @Test func `a limited number of refused pushes gets a line each second, and each loop has a share`() {
    var log = log(perSecond: 10, loops: 2)
    #expect([0, 1].map { lines(&log, after: $0) } == [5, 5])
    // A loop whose share is less than one line a second still writes a line now and then.
    var quiet = self.log(perSecond: 1, loops: 4)
    #expect([0, 3, 5].map { refused(&quiet, .overloaded, after: $0) } == [0, nil, 1])
  }

  @Test func `a line counts the refusals of its own reason that got no line`() {
    var log = log(perSecond: 1)
    #expect((0..<4).map { _ in refused(&log, .overloaded, after: 0) } == [0, nil, nil, nil])
    #expect((0..<2).map { _ in refused(&log, .rateLimited, after: 0) } == [nil, nil])
    #expect(refused(&log, .overloaded, after: 2) == 3)
    #expect([4, 6].map { refused(&log, .rateLimited, after: $0) } == [2, 0])
  }

  @Test func `refusals without a line are reported once an interval, by reason`() {
    var log = log(perSecond: 0)
    #expect((0..<3).allSatisfy { _ in refused(&log, .overloaded, after: 0) == nil })
    #expect(refused(&log, .rateLimited, after: 0) == nil)
    let said = [PushLog.interval - .milliseconds(1), PushLog.interval, PushLog.interval * 2].map {
      log.takeUnwritten(now: start + $0)
    }
    #expect(
      said == [
        [], [.init(reason: .refused(.overloaded), count: 3), .init(reason: .refused(.rateLimited), count: 1)], [],
      ])
  }

  @Test func `changed settings take effect at once`() {
    var log = log(sample: 0, perSecond: 0)
    var settings = Settings()
    (settings.pushLogSample, settings.pushLogRefusalsPerSecond) = (1, 1000)
    log.apply(settings, loops: 1)
    let isWritten = log.stored()
    #expect(isWritten)
    #expect(refused(&log, .overloaded, after: 1) == 0)
  }
}
