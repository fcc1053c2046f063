import Protocol

/// A silence as people see it.
struct SilenceRow: SQLRow {
  enum State: String, CaseIterable, ResponseValue { case active, ended, all }

  let id: Int64
  let checkName: String?
  let serverID: Int32?
  let subject: String?
  let labels: LabelSet
  let until: Timestamp
  let reason: String
  let createdAt: Timestamp
  let createdBy: Int64?
  let createdName: String?
  let endedAt: Timestamp?
  let isActive: Bool

  init(from row: inout RowReader) throws(DatabaseError) {
    id = try row.read("id")
    checkName = try row.read("check_name")
    serverID = try row.read("server_id")
    subject = try row.read("subject")
    labels = try row.read("labels")
    until = try row.read("until")
    reason = try row.read("reason")
    createdAt = try row.read("created_at")
    createdBy = try row.read("created_by")
    createdName = try row.read("created_name")
    endedAt = try row.read("ended_at")
    isActive = try row.read("is_active")
  }
}

extension SilenceRow {
  init(
    id: Int64, check: String?, server: Int32?, subject: String?, labels: LabelSet, until: Timestamp, reason: String,
    createdAt: Timestamp, by user: String?
  ) {
    self.id = id
    checkName = check
    serverID = server
    self.subject = subject
    self.labels = labels
    self.until = until
    self.reason = reason
    self.createdAt = createdAt
    createdBy = nil
    createdName = user
    endedAt = nil
    isActive = true
  }
}

enum SilenceStatements {
  static let all =
    SilenceList.listing.statements + [
      add.description, addMany.description, one.description, end.description,
    ]

  static let silences = """
    SELECT id, check_name, server_id, subject, labels, until, reason, created_at, created_by, created_name, ended_at,
      ended_at IS NULL AND until > now() AS is_active FROM pganalytics.silences
    """

  /// The SQL condition that a silence matches a finding now.
  /// - Parameter finding: the alias of a row with `check_name`, `server_id` and `subject`.
  static func matching(_ finding: String) -> String {
    """
    EXISTS (
      SELECT FROM pganalytics.silences z
      WHERE z.ended_at IS NULL AND z.until > now() AND (z.check_name IS NULL OR z.check_name = \(finding).check_name)
        AND (z.server_id IS NULL OR z.server_id = \(finding).server_id)
        AND (z.subject IS NULL OR z.subject = \(finding).subject)
        AND NOT EXISTS (
          SELECT FROM jsonb_each_text(z.labels) w
          WHERE NOT EXISTS (SELECT FROM pganalytics.labels l
            WHERE l.server_id = \(finding).server_id AND l.name = w.key AND l.value = w.value)))
    """
  }

  /// Parameters: check, server, subject, labels, end, reason, user, the user's name.
  static let add = Statement<String?, Int32?, String?, LabelSet, Timestamp, String, Int64, String, SingleValue<Int64>>(
    "silence_add",
    """
    INSERT INTO pganalytics.silences (check_name, server_id, subject, labels, until, reason, created_by, created_name)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id
    """)

  /// Adds a silence for each server that exists. Parameters: check, ids of servers, end, reason, user, the user's name.
  static let addMany = Statement<String?, [Int32], Timestamp, String, Int64, String, NoRow>(
    "silence_add_many",
    """
    INSERT INTO pganalytics.silences (check_name, server_id, until, reason, created_by, created_name)
    SELECT $1, s.id, $3, $4, $5, $6 FROM pganalytics.servers s WHERE s.id = ANY ($2) ORDER BY s.id
    """)

  static let one = Statement<Int64, SilenceRow>("silence_one", "\(silences) WHERE id = $1")

  /// Ends a silence now. One that has ended stays as it is.
  static let end = Statement<Int64, SingleValue<Int64>>(
    "silence_end",
    """
    UPDATE pganalytics.silences SET ended_at = CASE WHEN until > now() THEN coalesce(ended_at, now()) ELSE ended_at END
    WHERE id = $1 RETURNING id
    """)
}
