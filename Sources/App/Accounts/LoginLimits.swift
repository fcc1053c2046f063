// Limits how often one account, and one address, may try to log in. The limits are in memory and per process. They are
// the first check, at which a refused attempt costs almost nothing. The lock-out in the database is shared by all
// servers.
//
// Many people may share an address (NAT, a load balancer), and some of them may be attackers. So logins and refused
// refresh tokens are counted separately. An account has a limit for each address and one in total; the total does not
// count attempts that the limit of an address refuses. A user who has logged in from an address recently is counted
// apart from strangers at that address.

import Ground
import Reactor
import Synchronization

final class LoginLimits: Sendable {
  /// An account together with the address of the attempt.
  private struct Visitor: Hashable {
    let account: String
    let address: String
  }

  private struct Buckets<Key: Hashable> {
    var byKey: [Key: TokenBucket<MonotonicTime>] = [:]
    /// Callers can invent any number of keys. From this number of buckets on, those that are full again are removed.
    var sweepAt = LoginLimits.remembered

    mutating func take(_ key: Key, _ perMinute: Double, _ now: MonotonicTime) -> Duration? {
      if byKey.count >= sweepAt {
        byKey = byKey.filter { !$0.value.isFull(perSecond: perMinute / 60, burst: perMinute, now: now) }
        // The next sweep comes when the number has doubled, so that each attempt pays a constant share of a sweep.
        sweepAt = max(LoginLimits.remembered, 2 * byKey.count)
      }
      return byKey[key, default: TokenBucket(burst: perMinute, now: now)]
        .take(1, perSecond: perMinute / 60, burst: perMinute, now: now)
    }
  }

  private struct State {
    var accounts = Buckets<String>()
    var visitors = Buckets<Visitor>()
    var logins = Buckets<String>()
    var refreshes = Buckets<String>()
    /// Users who have logged in recently from an address, and how long that counts. Only a correct password adds an
    /// entry.
    var known: [Visitor: MonotonicTime] = [:]
  }

  private static let remembered = 10_000
  /// For how long a login exempts a user at an address from the limit for strangers.
  private static let knownFor = Duration.seconds(30 * 86_400)

  private let settings: Live<Settings>
  private let state = Mutex(State())

  init(_ settings: Live<Settings>) { self.settings = settings }

  /// Counts an attempt at `account`. If the address's limit refuses the attempt, it does not count for the account. If
  /// the account's limit at that address refuses it, it does not count for the account's total.
  /// - Parameter isKnown: whether the caller has proven by a session that the account belongs to the caller.
  /// - Throws: `.rateLimited` with the time to wait.
  func take(
    account: String, address: String, isKnown: Bool = false, now: MonotonicTime = .now()
  ) throws(Problem) {
    let settings = settings.now
    let (perAddress, perVisitor) = (Double(settings.loginsPerAddressMinute), Double(settings.loginsPerAccountMinute))
    let perAccount = perVisitor * Double(settings.loginLockoutAddresses)
    let visitor = Visitor(account: account.lowercased(), address: address)
    try refuse(
      state.withLock { state in
        if isKnown || state.known[visitor].map({ now < $0 }) == true {
          return state.visitors.take(visitor, perVisitor, now)
        }
        return state.logins.take(address, perAddress, now) ?? state.visitors.take(visitor, perVisitor, now)
          ?? state.accounts.take(visitor.account, perAccount, now)
      })
  }

  /// Records that the password of `account` was correct.
  func succeeded(account: String, address: String, now: MonotonicTime = .now()) {
    let visitor = Visitor(account: account.lowercased(), address: address)
    state.withLock { state in
      if state.known.count >= Self.remembered, state.known[visitor] == nil {
        state.known = state.known.filter { now < $0.value }
        if state.known.count >= Self.remembered, let first = state.known.min(by: { $0.value < $1.value }) {
          state.known[first.key] = nil
        }
      }
      state.known[visitor] = now + Self.knownFor
    }
  }

  /// Counts a refused refresh token, which cannot be attributed to an account.
  func take(refreshFrom address: String, now: MonotonicTime = .now()) throws(Problem) {
    let perAddress = Double(settings.now.loginsPerAddressMinute)
    try refuse(state.withLock { $0.refreshes.take(address, perAddress, now) })
  }

  private func refuse(_ wait: Duration?) throws(Problem) {
    guard let wait else { return }
    throw Problem(.rateLimited, "too many logins", retryAfterSeconds: max(1, Int(wait.wholeSeconds) + 1))
  }
}
