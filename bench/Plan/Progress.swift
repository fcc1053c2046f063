/// The counts for the line of progress.
struct Progress: Sendable, Equatable {
  var enrolled = 0
  /// Collectors that are connected or given up.
  var ready = 0
  var acknowledged = 0
  var rows = 0
  var wireBytes = 0
  var errors = 0
  /// The p99 of the last whole second. For several shards it is the largest one.
  var p99 = Duration.zero

  static func + (left: Progress, right: Progress) -> Progress {
    Progress(
      enrolled: left.enrolled + right.enrolled, ready: left.ready + right.ready,
      acknowledged: left.acknowledged + right.acknowledged, rows: left.rows + right.rows,
      wireBytes: left.wireBytes + right.wireBytes, errors: left.errors + right.errors, p99: max(left.p99, right.p99))
  }
}
