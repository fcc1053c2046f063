import Ground
import Reactor
import Testing

@testable import App

@Suite struct LoginLimitsTests {
  private let now = MonotonicTime.now()

  private func limits(account: Int, address: Int) -> LoginLimits {
    var settings = Settings()
    settings.loginsPerAccountMinute = account
    settings.loginsPerAddressMinute = address
    settings.loginLockoutAddresses = 3
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

  @Test func `an account has a number of attempts per address, whatever the case of its name, and regains them`() {
    let limits = limits(account: 2, address: 100)
    #expect(refusal { () throws(Problem) in try limits.take(account: "Ada", address: "a", now: now) } == nil)
    #expect(refusal { () throws(Problem) in try limits.take(account: "ada", address: "a", now: now) } == nil)
    let refused = refusal { () throws(Problem) in try limits.take(account: "ADA", address: "a", now: now) }
    #expect(refused?.kind == .rateLimited)
    #expect(refused?.retryAfterSeconds == 31)
    #expect(refusal { () throws(Problem) in try limits.take(account: "bob", address: "a", now: now) } == nil)
    #expect(refusal { () throws(Problem) in try limits.take(account: "ada", address: "b", now: now) } == nil)
    let later = now + .seconds(31)
    #expect(refusal { () throws(Problem) in try limits.take(account: "ada", address: "a", now: later) } == nil)
  }

  @Test func `an account that many addresses attack is limited, except for an address with an earlier login`() {
    let limits = limits(account: 2, address: 100)
    limits.succeeded(account: "Ada", address: "home", now: now)
    for address in ["a", "b", "c"] {
      for _ in 0..<2 {
        #expect(refusal { () throws(Problem) in try limits.take(account: "ada", address: address, now: now) } == nil)
      }
    }
    #expect(refusal { () throws(Problem) in try limits.take(account: "ada", address: "d", now: now) } != nil)
    for _ in 0..<2 {
      #expect(refusal { () throws(Problem) in try limits.take(account: "ada", address: "home", now: now) } == nil)
    }
    #expect(refusal { () throws(Problem) in try limits.take(account: "ada", address: "home", now: now) } != nil)
  }

  @Test func `an account with a login or a session at an address is not counted with the others there`() {
    let limits = limits(account: 10, address: 1)
    limits.succeeded(account: "ada", address: "nat", now: now)
    #expect(refusal { () throws(Problem) in try limits.take(account: "x", address: "nat", now: now) } == nil)
    #expect(refusal { () throws(Problem) in try limits.take(account: "y", address: "nat", now: now) } != nil)
    #expect(refusal { () throws(Problem) in try limits.take(account: "ADA", address: "nat", now: now) } == nil)
    #expect(
      refusal { () throws(Problem) in try limits.take(account: "bob", address: "nat", isKnown: true, now: now) } == nil)
    #expect(refusal { () throws(Problem) in try limits.take(account: "bob", address: "nat", now: now) } != nil)
  }

  @Test func `an address beyond its own limit uses up no attempts of an account`() {
    let limits = limits(account: 1, address: 2)
    for _ in 0..<10 { _ = refusal { () throws(Problem) in try limits.take(account: "ada", address: "evil", now: now) } }
    for address in ["b", "c"] {
      #expect(refusal { () throws(Problem) in try limits.take(account: "ada", address: address, now: now) } == nil)
    }
    #expect(refusal { () throws(Problem) in try limits.take(account: "ada", address: "d", now: now) } != nil)
  }

  @Test func `refused refresh tokens are counted by address, separately from logins`() {
    let limits = limits(account: 10, address: 1)
    #expect(refusal { () throws(Problem) in try limits.take(refreshFrom: "a", now: now) } == nil)
    #expect(refusal { () throws(Problem) in try limits.take(refreshFrom: "a", now: now) }?.kind == .rateLimited)
    #expect(refusal { () throws(Problem) in try limits.take(refreshFrom: "b", now: now) } == nil)
    #expect(refusal { () throws(Problem) in try limits.take(account: "ada", address: "a", now: now) } == nil)
  }
}
