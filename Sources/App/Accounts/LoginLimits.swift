// How often one account, and one address, may try to get in. In memory and of one process: the first line, which costs
// an attacker's attempt next to nothing. What all servers agree on is the lock-out in the database.

import Reactor
import Synchronization

final class LoginLimits: Sendable {
  private struct Buckets {
    var byKey: [String: TokenBucket] = [:]
    /// Keys are the caller's invention: from this many on, buckets that are full again are forgotten.
    var sweepAt = LoginLimits.remembered

    mutating func take(_ key: String, _ perMinute: Double, _ now: MonotonicTime) -> Duration? {
      if byKey.count >= sweepAt {
        byKey = byKey.filter { !$0.value.isFull(perSecond: perMinute / 60, burst: perMinute, now: now) }
        // The next sweep only when as many have come again: each attempt pays for a constant share of one.
        sweepAt = max(LoginLimits.remembered, 2 * byKey.count)
      }
      return byKey[key, default: TokenBucket(burst: perMinute, now: now)]
        .take(1, perSecond: perMinute / 60, burst: perMinute, now: now)
    }
  }

  private struct State {
    var accounts = Buckets()
    var addresses = Buckets()
  }

  private static let remembered = 10_000

  private let settings: Live<Settings>
  private var accountsPerMinute: Double { Double(settings.now.loginsPerAccountMinute) }
  private var addressesPerMinute: Double { Double(settings.now.loginsPerAddressMinute) }
  private let state = Mutex(State())

  init(_ settings: Live<Settings>) { self.settings = settings }

  /// Counts an attempt at `account`; one from an address that has used up its own does not count for the account.
  /// - Throws: `.rateLimited` with the time to wait.
  func take(account: String, address: String, now: MonotonicTime = .now()) throws(Problem) {
    let (perAddress, perAccount) = (addressesPerMinute, accountsPerMinute)
    try refuse(
      state.withLock { state in
        state.addresses.take(address, perAddress, now) ?? state.accounts.take(account.lowercased(), perAccount, now)
      })
  }

  /// Counts an attempt without a name: a refresh token that was refused.
  func take(address: String, now: MonotonicTime = .now()) throws(Problem) {
    let perAddress = addressesPerMinute
    try refuse(state.withLock { $0.addresses.take(address, perAddress, now) })
  }

  /// Whether `address` may try, without counting.
  func check(address: String, now: MonotonicTime = .now()) throws(Problem) {
    let perAddress = addressesPerMinute
    try refuse(
      state.withLock { state in
        var bucket = state.addresses.byKey[address]
        return bucket?.take(1, perSecond: perAddress / 60, burst: perAddress, now: now)
      })
  }

  private func refuse(_ wait: Duration?) throws(Problem) {
    guard let wait else { return }
    throw Problem(.rateLimited, "too many logins", retryAfterSeconds: max(1, Int(wait.wholeSeconds) + 1))
  }
}
