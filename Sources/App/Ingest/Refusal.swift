// Why PostgreSQL refused a batch, in the form that clients get, and which part of the database refused it.

import Protocol

/// The part of PostgreSQL's error that answers and logs may contain. It contains no value of a row and no text of a
/// statement.
struct Refusal: Hashable, Sendable {
  let sqlstate: String
  /// The table with its schema; nil if the error names none.
  let table: String?

  /// The sentence for an answer and for a log.
  var sentence: String {
    table.map { "PostgreSQL refuses rows for \($0) with SQLSTATE \(sqlstate)" }
      ?? "PostgreSQL refuses rows with SQLSTATE \(sqlstate)"
  }
}

/// A part of the database that may refuse a batch.
enum BatchPlace: Hashable, Comparable, Sendable {
  /// What every push writes to: the ledger, and the list of missing roll-ups.
  case everywhere
  /// The table behind a copy target.
  case target(Int)
}

/// What is known about the refusals of a push, from the first batch that was refused for a lasting reason. Refusals and
/// commits of one writer are numbered in their order.
struct Suspicion {
  var error: DatabaseError
  var refusal: Refusal
  /// One of these places refuses rows: the place named by the error, or else all tables that the push has rows for.
  var places: [BatchPlace]
  /// The number of the first refusal with this SQLSTATE, and of the first refusal of a batch with no other push.
  var since: Int
  var sinceAlone: Int?
  /// The number of refused batches with this push, and of those with no other push.
  var refusals = 0
  var refusalsAlone = 0
}

extension Push {
  /// Whether the push writes to the place.
  func touches(_ place: BatchPlace) -> Bool {
    switch place {
    case .everywhere: true
    case .target(let target): byteCount(of: target) > 0
    }
  }

  /// The tables that the push has rows for.
  var tables: [BatchPlace] { (0..<rows.targetCount).filter { byteCount(of: $0) > 0 }.map(BatchPlace.target) }

  /// Records that a batch with this push was refused.
  func wasRefused(_ error: DatabaseError, _ refusal: Refusal, at place: BatchPlace?, isAlone: Bool, number: Int) {
    let places = place.map { [$0] } ?? tables
    var now = Suspicion(error: error, refusal: refusal, places: places, since: number)
    if let before = suspicion, before.refusal.sqlstate == refusal.sqlstate {
      now.since = before.since
      now.sinceAlone = before.sinceAlone
      now.refusals = before.refusals
      now.refusalsAlone = before.refusalsAlone
    }
    now.refusals += 1
    if isAlone {
      now.refusalsAlone += 1
      now.sinceAlone = now.sinceAlone ?? number
    }
    suspicion = now
  }
}

extension Batch {
  /// The place that refused the batch; nil if it is unknown.
  /// - Parameter answered: the number of steps that were answered; nil if the ledger was not.
  func place(answered: Int?, _ error: DatabaseError, _ targets: CopyTargets) -> BatchPlace? {
    guard let answered else { return .everywhere }
    // The answer to the last step comes after the commit. An error there may come from any deferred check.
    if answered >= steps.count - 1 { return error.table.flatMap { targets.index(ofTable: $0) }.map(BatchPlace.target) }
    switch steps[answered] {
    case .copy(let target): return .target(target)
    case .statement:
      guard answered > 0, case .copy(let staged) = steps[answered - 1] else { return .everywhere }
      return .target(staged)
    }
  }
}

extension CopyTargets {
  /// The part of `error` that answers and logs may contain.
  func refusal(_ error: DatabaseError, at place: BatchPlace?) -> Refusal {
    var table = error.table
    if case .target(let target) = place { table = name(ofTarget: target) }
    return Refusal(sqlstate: error.sqlstate ?? "", table: table)
  }
}
