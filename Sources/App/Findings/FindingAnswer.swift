import Protocol

/// A finding as people see it.
struct FindingRow: SQLRow {
  enum State: String, CaseIterable, ResponseValue { case open, ended, all }

  let id: Int64
  let checkName: String
  let serverID: Int32
  /// Nil if the monitored server is removed.
  let serverName: String?
  let subject: String
  let severity: Check.Severity
  let message: String
  let value: Double?
  let threshold: Double?
  let details: JSONText
  let openedAt: Timestamp
  let lastSeenAt: Timestamp
  let endedAt: Timestamp?
  let endReason: String?
  let acknowledgedAt: Timestamp?
  let acknowledgedBy: Int64?
  let acknowledgedName: String?
  let acknowledgeNote: String?
  /// Whether a silence matches it now.
  let isSilenced: Bool
}

extension FindingRow {
  init(from row: inout RowReader) throws(DatabaseError) {
    id = try row.read("id")
    checkName = try row.read("check_name")
    serverID = try row.read("server_id")
    serverName = try row.read("server_name")
    subject = try row.read("subject")
    severity = try row.word("severity")
    message = try row.read("message")
    value = try row.read("value")
    threshold = try row.read("threshold")
    details = try row.read("details")
    openedAt = try row.read("opened_at")
    lastSeenAt = try row.read("last_seen_at")
    endedAt = try row.read("ended_at")
    endReason = try row.read("end_reason")
    acknowledgedAt = try row.read("acknowledged_at")
    acknowledgedBy = try row.read("acknowledged_by")
    acknowledgedName = try row.read("acknowledged_name")
    acknowledgeNote = try row.read("acknowledge_note")
    isSilenced = try row.read("is_silenced")
  }
}

/// A finding in the form of the API.
struct FindingAnswer: ResponseBody {
  static let schemaName = "Finding"
  let finding: FindingRow

  static let example = FindingAnswer(
    finding: FindingRow(
      id: 1, checkName: "disk_full", serverID: 1, serverName: "db1", subject: "/dev/vda1./", severity: .critical,
      message: "/ is 96.2 % full: 9 of 251 GB are free", value: 96.2, threshold: 95,
      details: JSONText(#"{"free_gb":9}"#), openedAt: Timestamp(unixSeconds: 1_790_000_000),
      lastSeenAt: Timestamp(unixSeconds: 1_790_000_060), endedAt: nil, endReason: nil, acknowledgedAt: nil,
      acknowledgedBy: nil, acknowledgedName: nil, acknowledgeNote: nil, isSilenced: false))

  func write(to object: inout ObjectWriter) {
    object.member("id", finding.id)
    object.member("check", finding.checkName)
    object.member("title", Checks.byName[finding.checkName]?.title ?? finding.checkName)
    object.member("server_id", finding.serverID)
    object.nullable("server", finding.serverName, "The server's name; null if it is removed.")
    object.member("subject", finding.subject, "What it is about within the server; empty: the server itself.")
    object.member("severity", finding.severity)
    object.member("message", finding.message)
    object.nullable("value", finding.value, "In the unit of the check's threshold, when it was last seen.")
    object.nullable("threshold", finding.threshold, "The threshold that opens a finding.")
    object.member("details", finding.details.value ?? .object(JSONObject()), "Further facts, by the check.")
    object.member("state", finding.endedAt == nil ? FindingRow.State.open : .ended)
    object.member("opened_at", finding.openedAt)
    object.member("last_seen_at", finding.lastSeenAt, "The last evaluation that found it.")
    object.nullable("ended_at", finding.endedAt)
    object.nullable("end_reason", finding.endReason.flatMap { EndReason(rawValue: $0) })
    object.nullable("acknowledged_at", finding.acknowledgedAt)
    object.nullable("acknowledged_by", finding.acknowledgedName)
    object.nullable("acknowledge_note", finding.acknowledgeNote)
    object.member("is_silenced", finding.isSilenced, "Whether a silence matches it now.")
    object.member(
      "look_at", Checks.byName[finding.checkName].map { $0.place(of: finding.serverID) } ?? "",
      "The path of the read that shows more; empty: none.")
  }
}

enum FindingList: List {
  static let listing = Listing<FindingRow>(
    "findings", from: "(\(FindingAnswerStatements.findings)) f",
    filters: [
      ListFilter("state", FindingRow.State.self, default: .open, "Open, or ended, findings only, or all.") {
        "(\($0) = 'all' OR (ended_at IS NULL) = (\($0) = 'open'))"
      },
      ServerFilter.list(server: "server_id"), LabelFilter.list(server: "server_id"),
      ListFilter("check", .string(1...63), "Findings of this check only.") { "check_name = \($0)" },
      ListFilter("severity", Check.Severity.self, "Findings of this severity only.") { "severity = \($0)" },
      ListFilter("acknowledged", .flag, "Acknowledged findings only, or the others.") {
        "(acknowledged_at IS NOT NULL) = \($0)"
      },
      ListFilter("silenced", .flag, "Findings that a silence matches now, or the others.") { "is_silenced = \($0)" },
      ListFilter("q", .string(1...255), "A part of the message, the subject, or the server's name.") {
        "strpos(lower(concat_ws(' ', message, subject, server_name)), lower(\($0))) > 0"
      },
    ],
    sorts: [
      ListSort("opened_at", by: "opened_at", Timestamp.self),
      ListSort("last_seen_at", by: "last_seen_at", Timestamp.self),
      ListSort("ended_at", by: "ended_at", Timestamp.self), ListSort("severity", by: "severity", String.self),
      ListSort("check", by: "check_name", String.self), ListSort("server", by: "server_name", String.self),
      ListSort("value", by: "value", Double.self),
    ], default: "-opened_at", last: "id DESC")
}

enum FindingAnswerStatements {
  static let all =
    FindingList.listing.statements + [
      one.description, acknowledge.description, endAcknowledgement.description, selected, acknowledgeMany.description,
    ]

  /// The ids of the findings that the filters of the list select. Parameters: those of its count.
  static let selected = FindingList.listing.selection(
    "findings_selected", "id", as: SingleValue<Int64>.self, order: "id")

  /// Acknowledges those of some findings that are open and not acknowledged. Parameters: findings, user, the user's name,
  /// note.
  static let acknowledgeMany = Statement<[Int64], Int64, String, String?, NoRow>(
    "finding_acknowledge_many",
    """
    UPDATE pganalytics.findings
    SET acknowledged_at = now(), acknowledged_by = $2, acknowledged_name = $3, acknowledge_note = $4
    WHERE id = ANY ($1) AND ended_at IS NULL AND acknowledged_at IS NULL
    """)

  static let findings = """
    SELECT f.id, f.check_name, f.server_id, s.name AS server_name, f.subject, f.severity, f.message, f.value, f.threshold,
      f.details, f.opened_at, f.last_seen_at, f.ended_at, f.end_reason, f.acknowledged_at, f.acknowledged_by,
      f.acknowledged_name, f.acknowledge_note, \(SilenceStatements.matching("f")) AS is_silenced
    FROM pganalytics.findings f LEFT JOIN pganalytics.servers s ON s.id = f.server_id
    """

  static let one = Statement<Int64, FindingRow>("finding_one", "\(findings) WHERE f.id = $1")

  /// Acknowledges an open finding; a second acknowledgement replaces the first. Parameters: finding, user, the user's
  /// name, note. No row if there is no such open finding.
  static let acknowledge = Statement<Int64, Int64, String, String?, SingleValue<Int64>>(
    "finding_acknowledge",
    """
    UPDATE pganalytics.findings
    SET acknowledged_at = now(), acknowledged_by = $2, acknowledged_name = $3, acknowledge_note = $4
    WHERE id = $1 AND ended_at IS NULL RETURNING id
    """)

  static let endAcknowledgement = Statement<Int64, SingleValue<Int64>>(
    "finding_end_acknowledgement",
    """
    UPDATE pganalytics.findings
    SET acknowledged_at = NULL, acknowledged_by = NULL, acknowledged_name = NULL, acknowledge_note = NULL
    WHERE id = $1 AND ended_at IS NULL RETURNING id
    """)
}
