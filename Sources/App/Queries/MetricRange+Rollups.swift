extension MetricRange {
  /// The range with what of it roll-ups of a metric table give exactly, as of the transaction of `session`; nil: they give
  /// nothing of it.
  func covered(
    by step: RollupStep, server: Int32, table: String, _ session: DatabaseLease
  ) async throws(DatabaseError) -> MetricRange? {
    let lacking = try await session.one(RollupStatements.lacking, server, Int32(step.seconds), table)?.value
    let from = step.ceiling(start)
    let to = step.floor(min(end, lacking ?? end))
    if from >= to { return nil }
    var covered = self
    covered.rolled = (step, from, to)
    return covered
  }
}
