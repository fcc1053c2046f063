// In which order units of one table are tried, and when to stop: a machine without a database.
//
// Units are tried in groups. A group that fails is cut in halves, a unit that fails alone is cut in two by time, down to one
// bucket. What waits longest is next, so that all of a group is tried before any part of it is cut to its last bucket.

import Ground
import Protocol

struct RollupQueue {
  enum Failure: Equatable {
    /// The halves of the group are in the queue.
    case halved
    /// The unit is to be cut there, and both parts given back.
    case cut(at: Timestamp)
    case setAside
  }

  private let step: RollupStep
  /// Failures after which the rest of a server, or of a table of which nothing succeeds, is set aside untried.
  private let failureLimit: Int
  private var groups: [[RollupUnit]]
  private var failures = 0
  private var failuresOfServer: [Int32: Int] = [:]
  private var hasSucceeded = false

  /// - Parameters:
  ///   - units: what is due, those first that did not fail yet.
  ///   - servers: units of a group at most; those of a group begin within `span`.
  init(_ units: [RollupUnit], _ step: RollupStep, servers: Int, span: Duration, failureLimit: Int) {
    self.step = step
    self.failureLimit = failureLimit
    let width = span.wholeNanoseconds / 1000
    groups = []
    for unit in units {
      // What failed before is tried by itself.
      if unit.attempts == 0, let group = groups.last, let first = group.first, first.attempts == 0,
        group.count < servers, unit.end.unixMicroseconds - first.start.unixMicroseconds <= width
      {
        groups[groups.count - 1].append(unit)
      } else {
        groups.append([unit])
      }
    }
  }

  /// The next group to try; nil: there is none.
  mutating func next() -> [RollupUnit]? { groups.isEmpty ? nil : groups.removeFirst() }

  mutating func add(_ unit: RollupUnit) { groups.append([unit]) }

  mutating func succeeded() { hasSucceeded = true }

  /// What to do with a group that failed.
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

  /// What is left, if nothing of the table can be made now.
  var isHopeless: Bool { !hasSucceeded && failures >= failureLimit }

  mutating func takeRest() -> [RollupUnit] {
    let rest = groups.flatMap { $0 }
    groups = []
    return rest
  }
}
