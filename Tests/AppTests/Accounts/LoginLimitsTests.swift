import Reactor
import Testing

@testable import App

@Suite struct LoginLimitsTests {
  private let now = MonotonicTime.now()

  private func limits(account: Int, address: Int) -> LoginLimits {
    var settings = Settings()
    settings.loginsPerAccountMinute = account
    settings.loginsPerAddressMinute = address
    return LoginLimits(Live(constant: settings))
  }

  private func refusal(_ attempt: () throws(Problem) -> Void) -> Problem? {
    do throws(Problem) {
      try attempt()
      return nil
    } catch {
      return error
    }
  }

  @Test func `an account has its number of attempts, whatever the case of its name, and gets them back`() {
    let limits = limits(account: 2, address: 100)
    #expect(refusal { () throws(Problem) in try limits.take(account: "Ada", address: "a", now: now) } == nil)
    #expect(refusal { () throws(Problem) in try limits.take(account: "ada", address: "b", now: now) } == nil)
    let refused = refusal { () throws(Problem) in try limits.take(account: "ADA", address: "c", now: now) }
    #expect(refused?.kind == .rateLimited)
    #expect(refused?.retryAfterSeconds == 31)
    #expect(refusal { () throws(Problem) in try limits.take(account: "bob", address: "a", now: now) } == nil)
    let later = now + .seconds(31)
    #expect(refusal { () throws(Problem) in try limits.take(account: "ada", address: "c", now: later) } == nil)
  }

  @Test func `an address that has used up its own attempts uses up none of an account's`() {
    let limits = limits(account: 3, address: 2)
    for _ in 0..<10 { _ = refusal { () throws(Problem) in try limits.take(account: "ada", address: "evil", now: now) } }
    #expect(refusal { () throws(Problem) in try limits.take(account: "ada", address: "home", now: now) } == nil)
    #expect(refusal { () throws(Problem) in try limits.take(account: "ada", address: "home", now: now) } != nil)
  }

  @Test func `to look counts for nothing, a refused refresh token does`() {
    let limits = limits(account: 10, address: 1)
    for _ in 0..<5 { #expect(refusal { () throws(Problem) in try limits.check(address: "a", now: now) } == nil) }
    #expect(refusal { () throws(Problem) in try limits.take(address: "a", now: now) } == nil)
    #expect(refusal { () throws(Problem) in try limits.check(address: "a", now: now) }?.kind == .rateLimited)
    #expect(refusal { () throws(Problem) in try limits.check(address: "b", now: now) } == nil)
  }
}
