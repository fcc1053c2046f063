// The present state of a server, when several databases of it are listed.

extension ReadScope {
  /// The rows of `latest` that belong to the newest round of lists of their server. A database that the collector has not
  /// reached since an older round has rows in `latest`, and none here.
  /// - Parameter tables: all tables that are listed together with `table`.
  func newest(_ table: String, of tables: [String]) -> String {
    let lists = tables.map { "SELECT l.server_id, l.time FROM \(latest($0)) l" }.joined(separator: " UNION ALL ")
    return """
      (SELECT t.* FROM \(latest(table)) t JOIN (
        SELECT l.server_id, max(l.time) - interval '1 minute' AS time FROM (\(lists)) l GROUP BY l.server_id
      ) n ON n.server_id = t.server_id AND t.time > n.time)
      """
  }
}
