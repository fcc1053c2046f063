// The present state of a server, when several databases of it are listed.

extension ReadScope {
  /// The rows of the last round of lists of each server, at or before `moment`: of each database its last list, unless it is
  /// a minute or more older than the newest list of the server. A database that the collector has not reached since an
  /// older round has rows in `latest`, and none here.
  /// - Parameter tables: all tables that are listed together with `table`; rows of all of them have a database.
  func newest(_ table: String, of tables: [String]) -> String {
    let within = """
      t.server_id = ANY (\(self[.servers])) AND t.time >= \(self[.moment]) - make_interval(secs => \(Self.latestSeconds)) \
      AND t.time < \(self[.moment]) + interval '1 microsecond'
      """
    // The index finds the newest row of a table at once, and the lists of the last minute are few.
    let times = tables.map { table in
      "(SELECT max(t.time) FROM \(table.metricTable.measured) t WHERE t.server_id = s.id AND \(within))"
    }
    let lists = tables.map { table in
      """
      SELECT t.server_id, t.database_id, t.time FROM \(table.metricTable.measured) t
      JOIN newest n ON n.server_id = t.server_id AND t.time > n.time - interval '1 minute' WHERE \(within)
      """
    }
    return """
      (WITH newest AS MATERIALIZED (
        SELECT s.id AS server_id, greatest(\(times.joined(separator: ", "))) AS time FROM unnest(\(self[.servers])) s(id)
      ), lists AS MATERIALIZED (
        SELECT l.server_id, l.database_id, max(l.time) AS time FROM (\(lists.joined(separator: " UNION ALL "))) l GROUP BY 1, 2
      )
      SELECT t.* FROM \(table.metricTable.measured) t JOIN lists l
        ON l.server_id = t.server_id AND l.database_id IS NOT DISTINCT FROM t.database_id AND l.time = t.time
      WHERE \(within))
      """
  }
}
