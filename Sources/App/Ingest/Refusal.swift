// Why PostgreSQL refused a batch, as those are told who wait for it, and what of the database the refusal speaks of.

import Protocol

/// What PostgreSQL said, as far as it is anybody's business: no value of a row, no text of a statement.
struct Refusal: Hashable, Sendable {
  let sqlstate: String
  /// With its schema; nil if the error does not tell.
  let table: String?

  /// For an answer and for a log.
  var sentence: String {
    table.map { "PostgreSQL refuses rows for \($0) with SQLSTATE \(sqlstate)" }
      ?? "PostgreSQL refuses rows with SQLSTATE \(sqlstate)"
  }
}

/// What of the database a batch can be refused at.
enum BatchPlace: Hashable, Comparable, Sendable {
  /// What every push writes to: the ledger, the list of what roll-ups lack.
  case everywhere
  /// The table behind a copy target.
  case target(Int)
}

/// What is held against a push since batches with it are refused for a reason that lasts. Refusals and commits of one writer
/// are numbered in their order.
struct Suspicion {
  var error: DatabaseError
  var refusal: Refusal
  /// One of them refuses rows, whoever's: the place that the error tells, else the tables that the push has rows for.
  var places: [BatchPlace]
  /// The first refusal with this SQLSTATE; and the first of a batch that held no other push.
  var since: Int
  var sinceAlone: Int?
  /// Refused batches that held the push; and those of them that held no other.
  var refusals = 0
  var refusalsAlone = 0
}

extension Push {
  func touches(_ place: BatchPlace) -> Bool {
    switch place {
    case .everywhere: true
    case .target(let target): byteCount(of: target) > 0
    }
  }

  /// The tables that the push has rows for.
  var tables: [BatchPlace] { (0..<rows.targetCount).filter { byteCount(of: $0) > 0 }.map(BatchPlace.target) }

  /// A batch that held the push was refused.
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
  /// What the batch was refused at, as far as it can be told.
  /// - Parameter answered: how many of its steps were answered; nil: the ledger was not.
  func place(answered: Int?, _ error: DatabaseError, _ targets: CopyTargets) -> BatchPlace? {
    guard let answered else { return .everywhere }
    // The answer to the last step comes after the commit: what is refused there may be anything that was deferred.
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
  func refusal(_ error: DatabaseError, at place: BatchPlace?) -> Refusal {
    var table = error.table
    if case .target(let target) = place { table = name(ofTarget: target) }
    return Refusal(sqlstate: error.sqlstate ?? "", table: table)
  }
}
