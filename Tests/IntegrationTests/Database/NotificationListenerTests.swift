import Testing

@testable import App

/// A test waits for a stream without an end, so each test has a time limit.
@Suite(.timeLimit(.minutes(3))) struct NotificationListenerTests {
  @Test func `a listener reports changes that concern other servers, and interruptions`() async throws {
    let migrated = try await MigratedDatabase()
    defer { migrated.database.shutDown() }
    let (events, feed) = AsyncStream<NotificationListener.Event>.makeStream()
    migrated.database.listen(channel: .pganalytics) { feed.yield($0) }
    var heard = events.makeAsyncIterator()
    #expect(await heard.next() == .subscribed)
    try await migrated.database.script(
      """
      INSERT INTO pganalytics.servers (name, hostname) VALUES ('one', 'host-one');
      INSERT INTO pganalytics.collectors (id, server_id, name, hostname)
        VALUES ('01234567-89ab-cdef-0123-456789abcdef', 1, 'one', 'host-one')
      """)
    #expect(await heard.next() == .notified(payload: "collectors:01234567-89ab-cdef-0123-456789abcdef"))
    // Every push updates when its collector was last seen. This update concerns no other server.
    try await migrated.database.script("UPDATE pganalytics.collectors SET last_seen_at = now()")
    try await migrated.database.script("UPDATE pganalytics.collectors SET config_version = 1")
    #expect(await heard.next() == .notified(payload: "collectors:01234567-89ab-cdef-0123-456789abcdef"))
    // The listener's only message begins with its session's settings. Pooled sessions have run other statements since.
    let terminate = Statement<SingleValue<Int64>>(
      "test_terminate_listener",
      """
      SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
      WHERE query LIKE 'SET %' AND datname = current_database() AND pid <> pg_backend_pid()
      """)
    try #require(try await migrated.database.one(terminate)?.value ?? 0 >= 1)
    guard case .interrupted(let error) = await heard.next() else {
      Issue.record("the interruption is not reported")
      return
    }
    #expect(error.isConnectionLoss)
    #expect(await heard.next() == .subscribed)
    try await migrated.database.script("NOTIFY pganalytics, 'again'")
    #expect(await heard.next() == .notified(payload: "again"))
  }
}
