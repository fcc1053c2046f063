// How often one account, and one address, may try to log in.

import Reactor
import Synchronization

final class LoginLimits: Sendable {
  private struct State {
    var accounts: [String: TokenBucket] = [:]
    var addresses: [String: TokenBucket] = [:]
  }

  /// Names are the caller's invention: beyond this many, buckets that are full again are forgotten.
  private static let remembered = 10_000

  private let accountsPerMinute: Double
  private let addressesPerMinute: Double
  private let state = Mutex(State())

  init(_ settings: Settings) {
    accountsPerMinute = Double(settings.loginsPerAccountMinute)
    addressesPerMinute = Double(settings.loginsPerAddressMinute)
  }

  /// Counts an attempt. - Throws: `.rateLimited` with the time to wait.
  func take(account: String, address: String, now: MonotonicTime = .now()) throws(Problem) {
    let wait = state.withLock { state -> Duration? in
      let byAddress = Self.take(address, &state.addresses, addressesPerMinute, now)
      let byAccount = Self.take(account.lowercased(), &state.accounts, accountsPerMinute, now)
      return [byAddress, byAccount].compactMap { $0 }.max()
    }
    if let wait {
      throw Problem(.rateLimited, "too many logins", retryAfterSeconds: max(1, Int(wait.wholeSeconds) + 1))
    }
  }

  private static func take(
    _ key: String, _ buckets: inout [String: TokenBucket], _ perMinute: Double, _ now: MonotonicTime
  ) -> Duration? {
    if buckets.count > remembered {
      buckets = buckets.filter { !$0.value.isFull(perSecond: perMinute / 60, burst: perMinute, now: now) }
    }
    var bucket = buckets[key] ?? TokenBucket(burst: perMinute, now: now)
    defer { buckets[key] = bucket }
    return bucket.take(1, perSecond: perMinute / 60, burst: perMinute, now: now)
  }
}
