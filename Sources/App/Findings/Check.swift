// A check, declared once: what it reads, when a finding opens and ends, and what a person can do about it. Evaluation,
// backtest, the API and its documentation derive from the declaration. docs/FINDINGS.md says how to write one.

import Protocol

/// A condition that is watched on every monitored server, as one SQL statement with thresholds.
struct Check: Sendable {
  enum Severity: String, CaseIterable, ResponseValue {
    case warning, critical
  }

  /// When a server is due for the check.
  enum Trigger: Sendable {
    /// After a push of the server: the check reads metrics.
    case push
    /// By the clock, for all servers: what the check reads also changes without a push.
    case clock
  }

  /// A number that people can change.
  struct Threshold: Sendable {
    let name: String
    /// `seconds`, `percent`, `bytes`, `rows` and the like; empty for a plain number.
    let unit: String
    let standard: Double
    let range: ClosedRange<Double>
    /// What the number decides, as a sentence.
    let prose: String

    init(_ name: String, _ standard: Double, _ unit: String = "", in range: ClosedRange<Double>, _ prose: String) {
      precondition(range.contains(standard), "\(name): its default is out of its range")
      self.name = name
      self.unit = unit
      self.standard = standard
      self.range = range
      self.prose = prose
    }
  }

  /// The name in the API, in tables and in settings. It never changes once it is released.
  let name: String
  /// A few words for lists.
  let title: String
  let severity: Severity
  let trigger: Trigger
  /// A server's least time between two evaluations; nil: each push, or each round for a check by the clock.
  let every: Duration?
  /// The tables that the statement reads, as `pg_stats` or `pganalytics.servers`.
  let tables: [String]
  let thresholds: [Threshold]
  /// What the end of a finding is called when there is data and no row of its subject. Checks of things that can vanish,
  /// such as slots, have a row for each of them and say `gone`.
  let absence: EndReason
  /// When a finding ends, as a sentence.
  let ends: String
  /// What a person should do, as a sentence.
  let advice: String
  /// Where a person should look: a path below `/api/v1`, with `{id}` in place of the server's id.
  let look: String
  /// Parameters: ids of servers; the time to look at; the thresholds in their declared order. See `CheckRow` for the
  /// rows.
  let statement: Statement<[Int32], Timestamp, [Double], CheckRow>

  /// - Parameters:
  ///   - sql: a SELECT with the columns `server_id`, `subject`, `value`, `threshold`, `opens`, `holds`, `message` and
  ///     `details`, in this order; the check casts them to their types. `$1` are the servers, `$2` is the time to look
  ///     at, and `$3` has the thresholds: `$3[1]` is the first one. The statement reads no row that is later than `$2`,
  ///     or earlier than some minutes before it, so that a backtest can run it for any time.
  init(
    _ name: String, _ title: String, _ severity: Severity, on trigger: Trigger = .push, every: Duration? = nil,
    reads tables: [String], thresholds: [Threshold] = [], absence: EndReason = .recovered, ends: String, advice: String,
    look: String, sql: String
  ) {
    self.name = name
    self.title = title
    self.severity = severity
    self.trigger = trigger
    self.every = every
    self.tables = tables
    self.thresholds = thresholds
    self.absence = absence
    self.ends = ends
    self.advice = advice
    self.look = look
    statement = Statement(
      "check_\(name)",
      """
      SELECT server_id::int4 AS server_id, subject::text AS subject, value::float8 AS value,
        threshold::float8 AS threshold, coalesce(opens, false) AS opens, coalesce(holds, false) AS holds,
        message::text AS message, coalesce(details::jsonb, '{}') AS details
      FROM (SELECT $1::int4[] AS asked_servers, $2::timestamptz AS asked_time, $3::float8[] AS asked_thresholds) AS asked, (
      \(sql)
      ) AS judged
      """)
  }

  /// The path of the read that shows more of a server.
  func place(of server: Int32) -> String {
    "/api/v1/" + look.split(separator: "{id}", omittingEmptySubsequences: false).joined(separator: "\(server)")
  }

  /// The thresholds in their declared order.
  /// - Parameter changed: values that differ from the defaults, by name.
  func values(_ changed: [String: Double] = [:]) -> [Double] {
    thresholds.map { changed[$0.name] ?? $0.standard }
  }
}
