// Decides when a metrics query has to wait for the sake of pushes. No clock and no thread in here: what lanes have seen of
// their batches comes in, a verdict goes out.
//
// Pushes are compared with themselves: how long a batch takes while no query is at work is what is usual here, on this
// disk and with this fleet. What batches take longer beside queries is what queries cost. A share of the usual time may be
// spent on them, and so much of each second whatever is usual; the rest of the account is a debt, and while there is one
// no query begins. So the mean slowdown of pushes is bounded, whatever a query costs, and nobody waits whose queries cost
// nothing. The account is written as `room`:
//
//    1    all connections may work
//    0.5  above it two of two, below it one
//    0    none, until batches without queries, and time, have paid the debt
//   -1    the largest debt
//
// Where all connections at once have run into debt, half of them work for a while: steadily one query after the other, instead
// of two at once and then none.

import Reactor

struct PacingMachine {
  /// Batches of pushes that were committed, and how long their pushes had waited for it, added up.
  struct Batches: Equatable {
    var count = 0
    var total = Duration.zero
  }

  /// What queries may cost.
  struct Aim: Sendable {
    /// By how much batches may become slower on average.
    var slowdownPercent: Int
    /// What all batches of a second together may be late beside that.
    var freePerSecond: Duration
    /// No query is put off for longer.
    var longestWait: Duration
  }

  /// So many batches are what the usual time is a mean of.
  static let remembered = 200
  /// The account's limits, either way: so many usual batches and so much time. A moment's bad luck is within them.
  private static let creditBatches = 20
  private static let creditTime = Duration.milliseconds(50)
  /// What is usual is not believed for longer while queries leave no moment to hear it anew.
  private static let belief = Duration.seconds(30)
  /// The same while nothing is known yet.
  private static let ignorance = Duration.seconds(2)
  /// For so long no query begins, to hear it; and so many batches are enough.
  private static let listening = Duration.milliseconds(300)
  private static let enoughHeard = 10
  /// For so long half of the connections work after a debt.
  private static let narrowing = Duration.seconds(10)
  /// It is listened for only where pushes take so many times as long as what is free.
  private static let notable = 3.0

  /// What a batch takes while no query is at work; nil until there was one.
  private(set) var usual: Duration?
  private var usualBatches = 0
  /// -1 to 1; see above.
  private(set) var room = 1.0
  /// Until then half of the connections work at most.
  private var narrowUntil: MonotonicTime?
  private var heardAt: MonotonicTime?
  /// When a batch was last heard without queries, or listened for.
  private var aloneAt: MonotonicTime?
  /// What batches have taken beside queries since then.
  private var besideSince = Duration.zero
  private var listenUntil: MonotonicTime?
  private var heardListening = 0

  /// - Parameters: `alone`: what was committed since the last call while no query was at work; `beside`: the rest.
  mutating func hear(alone: Batches, beside: Batches, at now: MonotonicTime, _ aim: Aim) {
    let passed = heardAt.map { max(now - $0, .zero) } ?? .zero
    heardAt = now
    learn(alone, now)
    listen(beside, now, aim)
    guard let usual else { return }
    let tolerated = usual * aim.slowdownPercent / 100
    let cost = beside.total - usual * beside.count - tolerated * (beside.count + alone.count)
    let credit = usual * Self.creditBatches + Self.creditTime
    room = min(max(room - (cost - aim.freePerSecond * (passed / .seconds(1))) / credit, -1), 1)
    if room <= 0 { narrowUntil = now + Self.narrowing }
  }

  private mutating func learn(_ alone: Batches, _ now: MonotonicTime) {
    if alone.count == 0 { return }
    let mean = alone.total / alone.count
    usualBatches = min(usualBatches + alone.count, Self.remembered)
    let weight = min(Double(alone.count) / Double(usualBatches), 1)
    usual = usual.map { $0 + (mean - $0) * weight } ?? mean
    aloneAt = now
    besideSince = .zero
    heardListening += alone.count
    if heardListening >= Self.enoughHeard { listenUntil = nil }
  }

  /// Begins to listen where queries never leave a moment, and pushes take so much time that it matters.
  private mutating func listen(_ beside: Batches, _ now: MonotonicTime, _ aim: Aim) {
    if let end = listenUntil, end <= now { listenUntil = nil }
    besideSince += beside.total
    guard let since = aloneAt else {
      aloneAt = now
      return
    }
    let silence = now - since
    if silence < (usual == nil ? Self.ignorance : Self.belief) { return }
    if besideSince > aim.freePerSecond * (Self.notable * (silence / .seconds(1))) {
      listenUntil = now + Self.listening
      heardListening = 0
    }
    aloneAt = now
    besideSince = .zero
  }

  /// Whether a query may begin that has waited since `since`.
  /// - Parameters: `atWork`: queries that are at work; `connections`: how many could be.
  func mayBegin(
    since: MonotonicTime, atWork: Int, of connections: Int, at now: MonotonicTime, _ aim: Aim
  ) -> Bool {
    if now - since >= aim.longestWait { return true }
    if listenUntil != nil { return false }
    let isNarrow = narrowUntil.map { now < $0 } ?? false
    return Double(atWork) < (Double(isNarrow ? (connections + 1) / 2 : connections) * room).rounded(.up)
  }
}
