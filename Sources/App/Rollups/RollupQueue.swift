// The order in which the units of one table are tried, and the rule when to stop. It does not access the database.
//
// Units are tried in groups. If a group fails, it is cut in halves. If a single unit fails, it is cut in two by time,
// down to one bucket. The group that has waited longest is next, so every unit is tried before any part is cut down to
// its last bucket.

import Ground
import Protocol

/// The units of one table that are due in a round.
struct RollupQueue {
  /// What the caller does about a group that failed.
  enum Failure: Equatable {
    /// Nothing: the halves of the group are in the queue.
    case halved
    /// The unit has to be cut at this time, and both parts added to the queue.
    case cut(at: Timestamp)
    /// The units have to be set aside until a later round.
    case setAside
  }

  private let step: RollupStep
  /// After this many failures of a server its failing units are set aside and no longer cut. After this many failures
  /// of the table without a success the rest of the table is set aside untried.
  private let failureLimit: Int
  private var groups: [[RollupUnit]]
  private var failures = 0
  private var failuresOfServer: [Int32: Int] = [:]
  private var hasSucceeded = false

  /// - Parameters:
  ///   - units: the units that are due, first those that have not failed yet.
  ///   - servers: the largest number of units in a group.
  ///   - span: the longest time span of a group.
  init(_ units: [RollupUnit], _ step: RollupStep, servers: Int, span: Duration, failureLimit: Int) {
    self.step = step
    self.failureLimit = failureLimit
    let width = span.wholeNanoseconds / 1000
    groups = []
    for unit in units {
      // A unit that failed before is tried by itself.
      if unit.attempts == 0, let group = groups.last, let first = group.first, first.attempts == 0,
        group.count < servers, unit.end.unixMicroseconds - first.start.unixMicroseconds <= width
      {
        groups[groups.count - 1].append(unit)
      } else {
        groups.append([unit])
      }
    }
  }

  /// Removes and returns the next group to try; nil if there is none.
  mutating func next() -> [RollupUnit]? { groups.isEmpty ? nil : groups.removeFirst() }

  mutating func add(_ unit: RollupUnit) { groups.append([unit]) }

  mutating func succeeded() { hasSucceeded = true }

  /// Counts the failure of a group. - Returns: what to do with the group.
  mutating func failed(_ group: [RollupUnit]) -> Failure {
    failures += 1
    if !hasSucceeded, failures >= failureLimit { return .setAside }
    guard group.count == 1 else {
      groups.append(Array(group[..<(group.count / 2)]))
      groups.append(Array(group[(group.count / 2)...]))
      return .halved
    }
    let unit = group[0]
    failuresOfServer[unit.server, default: 0] += 1
    let middle = step.floor(
      Timestamp(unixMicroseconds: (unit.start.unixMicroseconds + unit.end.unixMicroseconds) / 2))
    if failuresOfServer[unit.server, default: 0] >= failureLimit { return .setAside }
    if unit.start < middle { return .cut(at: middle) }
    // The first bucket may begin before the unit does.
    let next = Timestamp(unixMicroseconds: middle.unixMicroseconds + step.microseconds)
    return next < unit.end ? .cut(at: next) : .setAside
  }

  /// Whether the table has no success and so many failures that its rest is not tried in this round.
  var isHopeless: Bool { !hasSucceeded && failures >= failureLimit }

  mutating func takeRest() -> [RollupUnit] {
    let rest = groups.flatMap { $0 }
    groups = []
    return rest
  }
}
