// Rows need partitions of their days. The lanes remember which days have them; the rest is asked for here.

import Protocol

extension Lane {
  /// Days (since 2000-01-01) of rows and ledger that this lane does not know to have partitions.
  func missingDays(of push: Push) -> [Int32] {
    var missing: [Int32] = []
    for day in push.rows.days where !knownDays.contains(day) { missing.append(day) }
    if !knownDays.contains(push.day), !missing.contains(push.day) { missing.append(push.day) }
    return missing
  }

  /// Makes sure that `days` have partitions, then runs one of the closures on this lane.
  func prepareDays(
    _ days: [Int32], then: @escaping @Sendable (Lane) -> Void, orElse: @escaping @Sendable (Lane) -> Void
  ) {
    let partitions = context.partitions
    let log = context.log
    let handle = handle
    Task { () async -> Void in
      do throws(DatabaseError) {
        _ = try await partitions.ensure(days: days.map { Day(word: $0) })
      } catch {
        log.warning("partitions not made", ["error": "\(error)"])
        handle.submit(orElse)
        return
      }
      handle.submit { lane in
        lane.knownDays.formUnion(days)
        then(lane)
      }
    }
  }
}
