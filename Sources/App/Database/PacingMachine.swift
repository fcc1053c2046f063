// Decides when a metrics query has to wait so that pushes stay fast. It has no clock and no thread: it gets the
// durations of the lanes' batches and returns a verdict.
//
// Pushes are compared with themselves. The duration of a batch while no query is at work is the usual duration on this
// disk and with this fleet. The additional duration of batches beside queries is the cost of the queries. Queries may
// cost a share of the usual duration, and in addition a fixed time in each second. Any cost beyond that is a debt. In
// debt one query works at a time, and after each one queries rest, the longer the larger the debt. So the debt settles
// where queries cost what they may: the mean slowdown of pushes is bounded, whatever a query costs, queries follow each
// other at an even pace, and queries that cost nothing never wait. The account is the number `room`:
//
//    1    all connections may work, fewer with less room
//    0.5  one connection may work
//    0    one connection may work, with rests
//   -1    no query may begin, until time and batches without queries have paid; the largest debt is a half more
//
// The mean of a few batches is noise. So as long as batches beside queries take only moderately longer than usual, one
// connection may work for a least share of the time (`Aim`) in any debt.
//
// After a debt, only half of the connections work for a while. So one query steadily follows the other, instead of two
// at once and then none.

import Reactor

struct PacingMachine {
  /// A number of committed batches, and the sum over them of how long their pushes waited for the commit (a batch's
  /// mean).
  struct Batches: Equatable {
    var count = 0
    var total = Duration.zero
  }

  /// The cost that queries may have.
  struct Aim: Sendable {
    /// By how much batches may become slower on average, in percent.
    var slowdownPercent: Int
    /// The additional time by which all batches of a second together may be late.
    var freePerSecond: Duration
    /// The longest time that a query waits.
    var longestWait: Duration
    /// The share of the time, in percent, in which one query may work although queries cost more than they may, as long
    /// as they slow batches down moderately.
    var leastSharePercent = 0
  }

  /// A mean duration is that of this many batches.
  static let remembered = 100
  /// `room` falls by 1 when queries cost this many usual batches plus this time more than they may. The time keeps a
  /// single slow moment from becoming a debt.
  private static let creditBatches = 20
  private static let creditTime = Duration.milliseconds(50)
  /// `room` does not fall below this. It lies below -1 so that a query that costs a lot is paid, too.
  private static let largestDebt = -1.5
  /// A measurement begins at the earliest this long after the last batch without queries, or after the last
  /// measurement.
  private static let belief = Duration.seconds(30)
  /// The same while no usual duration is known.
  private static let ignorance = Duration.seconds(2)
  /// During a measurement no query begins. It ends after this time, or once this many batches are measured.
  private static let measuring = Duration.milliseconds(300)
  private static let enoughBatches = 10
  /// Queries slow batches down moderately if batches beside them take less than this multiple of the usual duration.
  private static let moderate = 1.5
  /// When no batch has been committed for this long, no push suffers, and one query may follow the other.
  private static let idleness = Duration.seconds(2)
  /// For how long half of the connections work after a debt.
  private static let narrowing = Duration.seconds(10)
  /// A measurement begins only if batches beside queries have taken more than this multiple of `freePerSecond`.
  private static let notable = 3.0

  /// The duration of a batch while no query is at work; nil until there was one.
  var usual: Duration? { aloneMean.value }
  private var aloneMean = Mean()
  /// The duration of a batch while queries are at work.
  private var besideMean = Mean()
  /// -1.5 to 1, see the top of this file.
  private(set) var room = 1.0
  /// Until this time at most half of the connections work.
  private var narrowUntil: MonotonicTime?
  private var recordedAt: MonotonicTime?
  /// When a batch was last recorded.
  private var batchAt: MonotonicTime?
  /// When a batch without queries was last measured, or a measurement was begun.
  private var aloneAt: MonotonicTime?
  /// The total duration of batches beside queries since `aloneAt`.
  private var besideSince = Duration.zero
  private var measureUntil: MonotonicTime?
  private var measuredBatches = 0

  /// Takes the batches that were committed since the last call. - Parameters: `alone`: those while no query was at
  /// work; `beside`: the others.
  mutating func record(alone: Batches, beside: Batches, at now: MonotonicTime, _ aim: Aim) {
    let passed = recordedAt.map { max(now - $0, .zero) } ?? .zero
    recordedAt = now
    learn(alone, now)
    besideMean.add(beside)
    measure(beside, now, aim)
    guard let usual else { return }
    let tolerated = usual * aim.slowdownPercent / 100
    let cost = beside.total - usual * beside.count - tolerated * (beside.count + alone.count)
    let credit = usual * Self.creditBatches + Self.creditTime
    room = min(max(room - (cost - aim.freePerSecond * (passed / .seconds(1))) / credit, Self.largestDebt), 1)
    if alone.count + beside.count > 0 { batchAt = now }
    if let batchAt, now - batchAt >= Self.idleness { room = max(room, 0.5) }
    if room <= 0 { narrowUntil = now + Self.narrowing }
  }

  private mutating func learn(_ alone: Batches, _ now: MonotonicTime) {
    if alone.count == 0 { return }
    aloneMean.add(alone)
    aloneAt = now
    besideSince = .zero
    measuredBatches += alone.count
    if measuredBatches >= Self.enoughBatches { measureUntil = nil }
  }

  /// Begins a measurement if queries never leave a free moment and pushes take so much time that it matters.
  private mutating func measure(_ beside: Batches, _ now: MonotonicTime, _ aim: Aim) {
    if let end = measureUntil, end <= now { measureUntil = nil }
    besideSince += beside.total
    guard let since = aloneAt else {
      aloneAt = now
      return
    }
    let silence = now - since
    if silence < (usual == nil ? Self.ignorance : Self.belief) { return }
    if besideSince > aim.freePerSecond * (Self.notable * (silence / .seconds(1))) {
      measureUntil = now + Self.measuring
      measuredBatches = 0
    }
    aloneAt = now
    besideSince = .zero
  }

  /// Whether a query that has waited since `since` may begin.
  /// - Parameters: `work`: the queries that are at work or were last; `connections`: how many could be at work.
  func mayBegin(
    since: MonotonicTime, beside work: Work, of connections: Int, at now: MonotonicTime, _ aim: Aim
  ) -> Bool {
    if now - since >= aim.longestWait { return true }
    if measureUntil != nil { return false }
    if room <= 0 {
      // Queries work for the share 1 - debt of the time.
      let least = isModerate ? Double(aim.leastSharePercent) / 100 : 0
      return work.queries == 0 && work.hasRested(for: max(1 + room, least), at: now)
    }
    let isNarrow = narrowUntil.map { now < $0 } ?? false
    let most = Double(isNarrow ? (connections + 1) / 2 : connections)
    return Double(work.queries) < max((most * (2 * room - 1)).rounded(.up), 1)
  }
}

extension PacingMachine {
  /// The mean duration of the last batches.
  private struct Mean {
    private(set) var value: Duration?
    private var count = 0

    mutating func add(_ batches: Batches) {
      if batches.count == 0 { return }
      let mean = batches.total / batches.count
      count = min(count + batches.count, PacingMachine.remembered)
      let weight = min(Double(batches.count) / Double(count), 1)
      value = value.map { $0 + (mean - $0) * weight } ?? mean
    }
  }

  private var isModerate: Bool {
    guard let usual, let beside = besideMean.value else { return true }
    return beside < usual * Self.moderate
  }

  /// The queries that are at work, and the last period in which any was.
  struct Work: Equatable {
    private(set) var queries = 0
    private var began: MonotonicTime?
    private var ended: MonotonicTime?

    /// A query began.
    mutating func begin(at now: MonotonicTime) {
      if queries == 0 { began = now }
      queries += 1
    }

    /// A query ended.
    mutating func end(at now: MonotonicTime) {
      queries -= 1
      ended = now
    }

    /// Whether queries have rested since the last period of work so long that they work for this share of the time.
    func hasRested(for share: Double, at now: MonotonicTime) -> Bool {
      guard let began, let ended else { return share > 0 }
      return share > 0 && (now - ended) * share >= (ended - began) * (1 - share)
    }
  }
}
