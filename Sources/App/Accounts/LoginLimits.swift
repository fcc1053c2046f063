// How often one account, and one address, may try to get in. In memory and of one process: the first line, which costs
// an attacker's attempt next to nothing. What all servers agree on is the lock-out in the database.
//
// Many people come from one address (NAT, a balancer), and some of them may be up to no good. So logins and refresh tokens are
// counted apart, an account is counted by its address first, and who got in from an address lately is not counted with the
// strangers there.

import Ground
import Reactor
import Synchronization

final class LoginLimits: Sendable {
  /// An account as one address knows it.
  private struct Visitor: Hashable {
    let account: String
    let address: String
  }

  private struct Buckets<Key: Hashable> {
    var byKey: [Key: TokenBucket<MonotonicTime>] = [:]
    /// Keys are the caller's invention: from this many on, buckets that are full again are forgotten.
    var sweepAt = LoginLimits.remembered

    mutating func take(_ key: Key, _ perMinute: Double, _ now: MonotonicTime) -> Duration? {
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
    var accounts = Buckets<String>()
    var visitors = Buckets<Visitor>()
    var logins = Buckets<String>()
    var refreshes = Buckets<String>()
    /// Who got in lately, and until when it counts. Only a right password makes an entry.
    var known: [Visitor: MonotonicTime] = [:]
  }

  private static let remembered = 10_000
  /// How long who got in is no stranger at an address.
  private static let knownFor = Duration.seconds(30 * 86_400)

  private let settings: Live<Settings>
  private let state = Mutex(State())

  init(_ settings: Live<Settings>) { self.settings = settings }

  /// Counts an attempt at `account`. One from an address that has used up its own does not count for the account, and one
  /// from an address that has used up the account's there does not count for the account everywhere.
  /// - Parameter isKnown: the caller has proven to be the account's owner before, by a session.
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

  /// The password of `account` was right.
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

  /// Counts a refresh token that was refused: nobody's attempt, as far as can be told.
  func take(refreshFrom address: String, now: MonotonicTime = .now()) throws(Problem) {
    let perAddress = Double(settings.now.loginsPerAddressMinute)
    try refuse(state.withLock { $0.refreshes.take(address, perAddress, now) })
  }

  private func refuse(_ wait: Duration?) throws(Problem) {
    guard let wait else { return }
    throw Problem(.rateLimited, "too many logins", retryAfterSeconds: max(1, Int(wait.wholeSeconds) + 1))
  }
}
