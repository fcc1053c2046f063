extension DatabaseClient {
  /// Runs database work for an endpoint, on the pool or in the session of a transaction. A failure becomes a problem.
  @discardableResult
  func query<Value>(_ work: (Self) async throws(DatabaseError) -> Value) async throws(Problem) -> Value {
    do throws(DatabaseError) { return try await work(self) } catch { throw Problem(error) }
  }
}
