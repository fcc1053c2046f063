import Protocol

enum LabelStatements {
  static let all = [
    ServerSelection.statement.description, lock.description, servers.description, change.description,
    overfull.description, give.description,
  ]

  /// The labels of a server as one column, `labels`. - Parameter server: an SQL expression for the id of the server.
  static func column(of server: String) -> String {
    """
    (SELECT coalesce(jsonb_object_agg(l.name, l.value), '{}') FROM pganalytics.labels l
      WHERE l.server_id = \(server)) AS labels
    """
  }

  /// Allows only one transaction at a time to change labels, so that no two changes together exceed the largest number.
  static let lock = Statement<SingleValue<String>>("labels_lock", "SELECT pg_advisory_xact_lock(28776, 0)::text")

  /// Those of some servers that exist. They cannot be deleted until the end of the transaction.
  static let servers = Statement<[Int32], SingleValue<Int32>>(
    "labels_servers", "SELECT id FROM pganalytics.servers WHERE id = ANY ($1) ORDER BY id FOR KEY SHARE")

  /// Changes the labels of servers. Parameters: servers, names to remove, names to set, the value of each.
  /// - Returns: the ids of the servers whose labels differ now.
  static let change = Statement<[Int32], [String], [String], [String], SingleValue<Int32>>(
    "labels_change",
    """
    WITH gone AS (
      DELETE FROM pganalytics.labels WHERE server_id = ANY ($1) AND name = ANY ($2) RETURNING server_id),
    given AS (
      INSERT INTO pganalytics.labels AS l (server_id, name, value)
      SELECT s.id, v.name, v.value FROM unnest($1::int4[]) s (id), unnest($3::text[], $4::text[]) v (name, value)
      ON CONFLICT (server_id, name) DO UPDATE SET value = excluded.value WHERE l.value <> excluded.value
      RETURNING server_id)
    SELECT server_id FROM gone UNION SELECT server_id FROM given ORDER BY server_id
    """)

  /// One of some servers that has more labels than permitted. Parameters: servers, the largest number.
  static let overfull = Statement<[Int32], Int64, SingleValue<Int32>>(
    "labels_overfull",
    """
    SELECT server_id FROM pganalytics.labels WHERE server_id = ANY ($1)
    GROUP BY server_id HAVING count(*) > $2 ORDER BY server_id LIMIT 1
    """)

  /// Gives the labels of a registration secret to a server, as far as the server has no label of the same name, and in
  /// the order of their names up to the largest number. Parameters: server, secret, the largest number.
  static let give = Statement<Int32, UUID, Int64, NoRow>(
    "labels_give",
    """
    INSERT INTO pganalytics.labels (server_id, name, value)
    SELECT $1, j.key, j.value
    FROM pganalytics.registration_secrets s CROSS JOIN LATERAL jsonb_each_text(s.labels) j
    WHERE s.id = $2 AND NOT EXISTS (SELECT FROM pganalytics.labels l WHERE l.server_id = $1 AND l.name = j.key)
    ORDER BY j.key
    LIMIT greatest(0, $3 - (SELECT count(*) FROM pganalytics.labels l WHERE l.server_id = $1))
    ON CONFLICT (server_id, name) DO NOTHING
    """)
}
