import Reactor
import Testing

@testable import App

@Suite struct AdmissionTests {
  private let now = MonotonicTime(nanoseconds: 1_000_000_000)

  private func admission(_ change: (inout Settings) -> Void = { _ in }) -> Admission {
    var settings = Settings()
    settings.bytesInFlight = 1_000_000
    settings.pauseBytes = 750_000
    change(&settings)
    return Admission(settings: settings, loops: 1)
  }

  @Test func `a push is admitted up to the hard mark and refused one byte past it`() {
    var admission = admission()
    admission.hold(999_000, serverID: 9)
    #expect(admission.admit(serverID: 1, contentLength: 1000, isDatabaseReachable: true, now: now) == .admitted)
    guard
      case .overloaded(_, let retryAfter) = admission.admit(
        serverID: 1, contentLength: 1001, isDatabaseReachable: true, now: now)
    else {
      Issue.record("admitted past the mark")
      return
    }
    #expect(retryAfter > 0)
  }

  @Test func `reading pauses above the soft mark and resumes well below it`() {
    var admission = admission()
    admission.hold(750_001, serverID: 9)
    #expect(admission.isPressed)
    admission.release(100_000, announced: 0, serverID: 9)
    #expect(!admission.isPressed)
    #expect(!admission.isRelieved)
    admission.release(100_001, announced: 0, serverID: 9)
    #expect(admission.isRelieved)
  }

  @Test func `a push that is being read may grow up to the hard mark, and not one byte past it`() {
    var admission = admission()
    admission.hold(1_000_000, serverID: 1)
    #expect(admission.judgeGrowth() == .admitted)
    #expect(admission.takeMemoryRefusals() == 0)
    admission.hold(1, serverID: 1)
    guard case .overloaded(_, let retryAfter) = admission.judgeGrowth() else {
      Issue.record("grew past the mark")
      return
    }
    #expect(retryAfter > 0)
    _ = admission.admit(serverID: 2, contentLength: 1, isDatabaseReachable: true, now: now)
    #expect(admission.takeMemoryRefusals() == 2)
    #expect(admission.takeMemoryRefusals() == 0)
  }

  @Test func `an unreachable database makes admission refuse every push with a time to retry`() {
    var admission = admission()
    guard
      case .databaseAway(let retryAfter) = admission.admit(
        serverID: 1, contentLength: 1, isDatabaseReachable: false, now: now)
    else {
      Issue.record("admitted without a database")
      return
    }
    #expect(retryAfter >= 10)
  }

  @Test func `a flooding collector is throttled and its neighbour is not`() {
    var admission = admission { $0.pushesPerMinute = 5 }
    for _ in 0..<5 {
      #expect(admission.admit(serverID: 1, contentLength: 10, isDatabaseReachable: true, now: now) == .admitted)
    }
    guard
      case .throttled(let limit, let retryAfter) = admission.admit(
        serverID: 1, contentLength: 10, isDatabaseReachable: true, now: now)
    else {
      Issue.record("a flood was admitted")
      return
    }
    #expect(limit == "pushes_per_minute")
    #expect(retryAfter >= 12)
    #expect(admission.admit(serverID: 2, contentLength: 10, isDatabaseReachable: true, now: now) == .admitted)
    admission.sweep(now: now + .seconds(3600))
    #expect(
      admission.admit(serverID: 1, contentLength: 10, isDatabaseReachable: true, now: now + .seconds(3600))
        == .admitted)
  }

  @Test func `one whole body is never over the byte rate`() {
    var admission = admission {
      $0.bytesInFlight = 1 << 30
      $0.pushBytesPerSecond = 1024
    }
    let body = Settings().bodyBytes
    #expect(admission.admit(serverID: 1, contentLength: body, isDatabaseReachable: true, now: now) == .admitted)
    admission.release(0, announced: body, serverID: 1)
    guard
      case .throttled(let limit, _) = admission.admit(
        serverID: 1, contentLength: 1, isDatabaseReachable: true, now: now)
    else {
      Issue.record("twice a body was admitted at once")
      return
    }
    #expect(limit == "push_bytes_per_second")
  }

  @Test func `a collector's bytes in flight are limited, and its first push always passes`() {
    var admission = admission {
      $0.bytesInFlight = 1 << 30
      $0.collectorBytesInFlight = 1000
    }
    func admit(_ server: Int32, _ length: Int) -> Admission.Verdict {
      admission.admit(serverID: server, contentLength: length, isDatabaseReachable: true, now: now)
    }
    func isThrottled(_ verdict: Admission.Verdict) -> Bool {
      if case .throttled("collector_bytes_in_flight", let seconds) = verdict { seconds > 0 } else { false }
    }
    #expect(admit(1, 5000) == .admitted)
    #expect(isThrottled(admit(1, 1)))
    #expect(admit(2, 400) == .admitted)
    admission.hold(300, serverID: 2)
    #expect(admit(2, 300) == .admitted)
    #expect(isThrottled(admit(2, 1)))
    admission.release(300, announced: 400, serverID: 2)
    #expect(admit(2, 700) == .admitted)
    #expect(isThrottled(admit(2, 1)))
    // The sweep forgets quiet collectors. It must not forget held bytes.
    admission.sweep(now: now + .seconds(3600))
    #expect(isThrottled(admit(1, 1)))
    admission.release(0, announced: 5000, serverID: 1)
    #expect(admit(1, 1) == .admitted)
  }
}
