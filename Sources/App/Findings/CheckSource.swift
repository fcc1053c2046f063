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
    FROM unnest($1) AS s(id)
    CROSS JOIN LATERAL (
      SELECT r.time FROM metrics.\(table) r
      WHERE r.server_id = s.id AND r.time > $2 - \(span) AND r.time <= $2 AND \(condition)
      ORDER BY r.time DESC LIMIT 1) r
    """
  }

  /// The condition that a row `r` belongs to the list of the time `at`. The metrics of one round of the collector lie
  /// some seconds apart.
  static func belongs(_ row: String, to list: String) -> String {
    "\(row).server_id = \(list).server_id AND \(row).time > \(list).time - interval '10 seconds' AND \(row).time <= \(list).time"
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
