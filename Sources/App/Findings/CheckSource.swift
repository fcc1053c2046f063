// The rows that checks read, as SQL expressions. Checks take the rows of a table from here wherever they need the latest
// list of a server. `$1` are the servers and `$2` is the time to look at.
//
// A list of the collector can be empty, and an empty list leaves no row. So each expression begins with rows that every
// list of the same kind has, such as the numbers of connections by state, which include the collector's own connection.
// A server whose database the collector cannot reach has no such rows, or only zeros, and is left out: its check has no
// data.

enum CheckSource {
  /// How far back a check looks for the latest list.
  static let span = "interval '15 minutes'"

  /// The time of each server's latest row of a table without objects: `server_id`, `time`. Servers without one are left
  /// out.
  /// - Parameter condition: on the table's row `r`.
  static func latest(_ table: String, where condition: String = "true") -> String {
    """
    SELECT s.id AS server_id, r.time
    FROM unnest($1::int4[]) AS s(id)
    CROSS JOIN LATERAL (
      SELECT r.time FROM metrics.\(table) r
      WHERE r.server_id = s.id AND r.time > $2::timestamptz - \(span) AND r.time <= $2::timestamptz AND \(condition)
      ORDER BY r.time DESC LIMIT 1) r
    """
  }

  /// Each server's latest row of each object, no older than `span`: `server_id`, `time`, `object_id`, and the columns. It
  /// goes from object to object by the index, and reads one row of each.
  /// - Parameter columns: of the table's row `r`.
  static func objects(_ table: String, _ columns: String) -> String {
    """
    SELECT s.id AS server_id, r.*
    FROM unnest($1::int4[]) AS s(id)
    CROSS JOIN LATERAL (
      WITH RECURSIVE object (id) AS (
        (SELECT r.object_id FROM metrics.\(table) r
          WHERE r.server_id = s.id AND r.time > $2::timestamptz - \(span) AND r.time <= $2::timestamptz ORDER BY r.object_id LIMIT 1)
        UNION ALL
        SELECT (SELECT r.object_id FROM metrics.\(table) r
          WHERE r.server_id = s.id AND r.object_id > object.id AND r.time > $2::timestamptz - \(span) AND r.time <= $2::timestamptz
          ORDER BY r.object_id LIMIT 1)
        FROM object WHERE object.id IS NOT NULL)
      SELECT r.* FROM object
      CROSS JOIN LATERAL (
        SELECT r.time, r.object_id, \(columns) FROM metrics.\(table) r
        WHERE r.server_id = s.id AND r.object_id = object.id AND r.time > $2::timestamptz - \(span) AND r.time <= $2::timestamptz
        ORDER BY r.time DESC LIMIT 1) r
      WHERE object.id IS NOT NULL) r
    """
  }

  /// The time of each server's latest list of replication, if the collector could read the server then: `server_id`,
  /// `time`.
  static let replication = """
    SELECT s.id AS server_id, w.time
    FROM unnest($1::int4[]) AS s(id)
    CROSS JOIN LATERAL (
      SELECT r.time, coalesce(r.total_segments, 0) <> 0 OR coalesce(r.current_wal_size_mb, 0) <> 0
        OR coalesce(r.wal_directory_size_mb, 0) <> 0 AS is_value
      FROM metrics.pg_replication_wal r
      WHERE r.server_id = s.id AND r.time > $2::timestamptz - \(span) AND r.time <= $2::timestamptz
      ORDER BY r.time DESC LIMIT 1) w
    WHERE w.is_value OR EXISTS (
      SELECT FROM metrics.pg_replication_wraparound r WHERE r.server_id = s.id AND r.time = w.time
        AND r.time > $2::timestamptz - \(span) AND r.time <= $2::timestamptz)
    """

  /// The condition that a row `r` belongs to the list of the time `at`. The metrics of one round of the collector lie
  /// some seconds apart.
  static func belongs(_ row: String, to list: String) -> String {
    """
    (\(row).server_id = \(list).server_id AND \(row).time > \(list).time - interval '10 seconds'
      AND \(row).time <= \(list).time AND \(row).time > $2::timestamptz - interval '16 minutes' AND \(row).time <= $2::timestamptz)
    """
  }

  /// A marker row for each row of `list`, see `CheckRow`.
  static func markers(_ list: String) -> String {
    """
    SELECT server_id, NULL AS subject, NULL::float8 AS value, NULL::float8 AS threshold, false AS opens, false AS holds,
      NULL AS message, NULL::jsonb AS details
    FROM \(list)
    """
  }

  /// A number of seconds as a text such as `3 h 20 min`.
  static func duration(_ seconds: String) -> String {
    """
    CASE WHEN \(seconds) < 120 THEN round((\(seconds))::numeric) || ' s'
      WHEN \(seconds) < 7200 THEN round((\(seconds))::numeric / 60) || ' min'
      WHEN \(seconds) < 172800 THEN floor((\(seconds))::numeric / 3600) || ' h '
        || floor((\(seconds))::numeric % 3600 / 60) || ' min'
      ELSE round((\(seconds))::numeric / 86400, 1) || ' days' END
    """
  }

  /// The first line of a statement's text, cut off after 120 characters.
  static func excerpt(_ text: String) -> String {
    "left(regexp_replace(coalesce(\(text), ''), '\\s+', ' ', 'g'), 120)"
  }
}
