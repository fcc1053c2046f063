import Ground
import Protocol

/// What the database knows of a check: what people set, the last evaluation, and what it found.
struct CheckState: SQLRow {
  let name: String
  let isOn: Bool
  let thresholds: JSONText
  let updatedAt: Timestamp?
  let evaluatedAt: Timestamp?
  let seconds: Double?
  let failedAt: Timestamp?
  let failure: String?
  /// Servers that had no data at their last evaluation.
  let withoutData: Int64
  let openFindings: Int64

  init(from row: inout RowReader) throws(DatabaseError) {
    name = try row.read("check_name")
    isOn = try row.read("is_on")
    thresholds = try row.read("thresholds")
    updatedAt = try row.read("updated_at")
    evaluatedAt = try row.read("evaluated_at")
    seconds = try row.read("seconds")
    failedAt = try row.read("failed_at")
    failure = try row.read("failure")
    withoutData = try row.read("without_data")
    openFindings = try row.read("open_findings")
  }
}

extension CheckState {
  /// The state of a check that has not been evaluated.
  init(of check: Check) {
    name = check.name
    isOn = true
    thresholds = JSONText("{}")
    (updatedAt, evaluatedAt, seconds, failedAt, failure) = (nil, nil, nil, nil, nil)
    (withoutData, openFindings) = (0, 0)
  }
}

struct ThresholdAnswer: ResponseBody {
  static let schemaName = "Threshold"
  let threshold: Check.Threshold
  let value: Double

  static let example = ThresholdAnswer(
    threshold: .init("percent", 95, "percent", in: 0...100, "A file system that is this full opens a finding."),
    value: 90)

  func write(to object: inout ObjectWriter) {
    object.member("name", threshold.name)
    object.member("unit", threshold.unit, "Empty: a plain number.")
    object.member("value", value, "The number in use.")
    object.member("default", threshold.standard)
    object.member("minimum", threshold.range.lowerBound)
    object.member("maximum", threshold.range.upperBound)
    object.member("meaning", threshold.prose)
  }
}

/// A check in the form of the API.
struct CheckAnswer: ResponseBody {
  static let schemaName = "Check"
  let check: Check
  let state: CheckState

  static var example: CheckAnswer {
    let check = Checks.all[0]
    return CheckAnswer(check: check, state: CheckState(of: check))
  }

  func write(to object: inout ObjectWriter) {
    let values = check.values(state.thresholds.numbers)
    object.member("name", check.name)
    object.member("title", check.title)
    object.member("severity", check.severity)
    object.member("is_on", state.isOn)
    object.member("thresholds", zip(check.thresholds, values).map { ThresholdAnswer(threshold: $0, value: $1) })
    object.nullable(
      "every_seconds", check.every.map { Int($0.wholeSeconds) },
      "A server's least time between two evaluations; null: after each push.")
    object.member("reads", check.tables, "The tables that it reads.")
    object.member("ends", check.ends, "When a finding ends.")
    object.member("advice", check.advice, "What a person should do.")
    object.member("look_at", "/api/v1/" + check.look, "The read that shows more.")
    object.nullable("updated_at", state.updatedAt, "When a person changed it last.")
    object.nullable("evaluated_at", state.evaluatedAt, "The last evaluation that succeeded, of any server.")
    object.nullable("evaluation_seconds", state.seconds, "How long its statement took for a batch of servers.")
    object.nullable("failed_at", state.failedAt, "When it last failed.")
    object.nullable("failure", state.failure, "Why the last evaluation failed; null: it succeeded.")
    object.member("servers_without_data", state.withoutData, "Servers that had no data for it at their last push.")
    object.member("open_findings", state.openFindings)
  }
}

/// All checks.
struct CheckListAnswer: ResponseBody {
  static let schemaName = "CheckList"
  let data: [CheckAnswer]

  static var example: CheckListAnswer { CheckListAnswer(data: [.example]) }

  func write(to object: inout ObjectWriter) { object.member("data", data) }
}

enum CheckStatements {
  static let all = [states.description, lock.description, set.description]

  /// The states of checks. Parameters: their names.
  static let states = Statement<[String], CheckState>(
    "check_states",
    """
    SELECT n.name AS check_name, coalesce(s.is_on, true) AS is_on, coalesce(s.thresholds, '{}') AS thresholds, s.updated_at,
      r.evaluated_at, r.seconds, r.failed_at, r.failure, coalesce(d.count, 0) AS without_data,
      coalesce(o.count, 0) AS open_findings
    FROM unnest($1::text[]) AS n(name)
    LEFT JOIN pganalytics.check_settings s ON s.check_name = n.name
    LEFT JOIN pganalytics.check_runs r ON r.check_name = n.name
    LEFT JOIN (SELECT k.name, count(*) AS count FROM pganalytics.server_states e, unnest(e.no_data) AS k(name)
      GROUP BY k.name) d ON d.name = n.name
    LEFT JOIN (SELECT f.check_name, count(*) AS count FROM pganalytics.findings f WHERE f.ended_at IS NULL
      GROUP BY f.check_name) o ON o.check_name = n.name
    """)

  /// Makes changes of one check follow one another, until the end of the transaction. Parameters: the check.
  static let lock = Statement<String, NoRow>(
    "check_settings_lock",
    "INSERT INTO pganalytics.check_settings (check_name) VALUES ($1) ON CONFLICT (check_name) DO UPDATE SET updated_at = now()"
  )

  /// Parameters: check, whether it is on, thresholds that differ from the defaults, user.
  static let set = Statement<String, Bool, JSONText, Int64, NoRow>(
    "check_settings_set",
    """
    UPDATE pganalytics.check_settings SET is_on = $2, thresholds = $3, updated_at = now(), updated_by = $4
    WHERE check_name = $1
    """)
}
