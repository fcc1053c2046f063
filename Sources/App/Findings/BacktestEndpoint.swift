// The endpoint that runs a check over stored history.

import Ground
import Protocol
import Synchronization

struct BacktestRequest: RequestBody {
  static let shortestStep = Duration.seconds(60)

  private static let mostServers = 1000

  let start: TimeParameter
  let end: TimeParameter?
  let step: Duration
  let servers: [Int]
  let labels: [LabelTerm]
  let thresholds: ThresholdChange

  init(from object: inout ObjectReader) {
    start = object.required("start_time", .time, "A duration counts back from `end_time`.")
    end = object.optional("end_time", .time, "Absent: now.")
    step = object.optional(
      "step", .duration(Self.shortestStep...(.seconds(86_400))), default: .seconds(300), "5m",
      "The time between two evaluations.")
    servers = object.optional(
      "servers", .list(ServerFilter.rule, count: 0...Self.mostServers), default: [], .array([]),
      "Ids of servers; empty: all.")
    labels = object.optional(
      "labels", .list(.labelTerm, count: 0...LabelFilter.most), default: [], .array([]),
      "Only servers with all these labels, each as `key=value`, or `key=` for any value.")
    thresholds = object.optional(
      "thresholds", .thresholds, default: ThresholdChange(), .object(JSONObject()),
      "Numbers by the names of thresholds. Others have the number in use.")
  }

  static let example: JSONValue = ["start_time": "7d", "step": "10m", "thresholds": ["seconds": 600]]
}

struct BacktestFindingAnswer: ResponseBody {
  static let schemaName = "BacktestFinding"
  let finding: Backtest.Finding

  static let example = BacktestFindingAnswer(
    finding: Backtest.Finding(
      key: FindingKey(serverID: 1, subject: "/dev/vda1./"), message: "/ is 91 % full: 22 of 251 GB are free",
      openedAt: Timestamp(unixSeconds: 1_790_000_000), value: 91, lastValue: 92, threshold: 90, endedAt: nil,
      endReason: nil))

  func write(to object: inout ObjectWriter) {
    object.member("server_id", finding.key.serverID)
    object.member("subject", finding.key.subject)
    object.member("message", finding.message, "When it would have opened.")
    object.member("opened_at", finding.openedAt)
    object.nullable("ended_at", finding.endedAt, "Null: it would still be open at the end of the range.")
    object.nullable("end_reason", finding.endReason)
    object.nullable("value", finding.value, "When it would have opened.")
    object.nullable("last_value", finding.lastValue, "At the last evaluation before its end.")
    object.nullable("threshold", finding.threshold)
  }
}

struct BacktestAnswer: ResponseBody {
  static let schemaName = "Backtest"
  let check: Check
  let thresholds: [Double]
  let start: Timestamp
  let end: Timestamp
  let step: Duration
  let servers: Int
  let outcome: Backtest.Outcome

  static var example: BacktestAnswer {
    let check = Checks.all[0]
    return BacktestAnswer(
      check: check, thresholds: check.values(), start: Timestamp(unixSeconds: 1_789_990_000),
      end: Timestamp(unixSeconds: 1_790_000_000), step: .seconds(300), servers: 1,
      outcome: Backtest.Outcome(findings: [BacktestFindingAnswer.example.finding], opened: 1, evaluations: 34))
  }

  func write(to object: inout ObjectWriter) {
    object.member("check", check.name)
    object.member("start_time", start)
    object.member("end_time", end)
    object.member("step_seconds", Int(step.wholeSeconds))
    object.member(
      "thresholds", zip(check.thresholds, thresholds).map { ThresholdAnswer(threshold: $0, value: $1) })
    object.member("servers", servers, "How many servers it looked at.")
    object.member("evaluations", outcome.evaluations, "Servers times steps.")
    object.member("without_data", outcome.withoutData, "Evaluations in which the check had no data.")
    object.member("opened", outcome.opened, "How many findings would have opened.")
    object.member(
      "findings", outcome.findings.map { BacktestFindingAnswer(finding: $0) },
      "By the time of their opening; at most \(Backtest.mostFindings).")
  }
}

enum BacktestEndpoint {
  static func declaration(_ database: Database, queries: Database) -> Endpoint {
    Endpoint(
      .post, "/api/v1/checks/{name}/backtest", id: "backtestCheck", tag: .findings, access: .user(.viewer),
      command: "findings backtest",
      summary: "What a check would have found in stored history, with any thresholds.",
      description: """
        Evaluates the check for one time after another, as the server evaluates it after a push, and changes nothing. \
        Servers times steps are at most `backtest_evaluations`. It runs as a metrics query and gives way to pushes in the \
        same way; 503 if it takes longer than `backtest_timeout`.
        """,
      body: BacktestRequest.self, returns: BacktestAnswer.self
    ) { request, context async throws(Problem) -> BacktestAnswer in
      let check = try CheckEndpoints.check(request.path.text("name"))
      let body = request.body
      let end = body.end?.resolved(before: context.now) ?? context.now
      let start = body.start.resolved(before: end)
      if start >= end { throw Problem(.validationFailed, "start_time must be before end_time") }
      let selection = ServerSelection(servers: body.servers.map { Int32($0) }, labels: body.labels)
      let (servers, state) = try await database.query { database throws(DatabaseError) in
        (try await selection.ids(from: database), try await database.one(CheckStatements.states, [check.name]))
      }
      let thresholds = check.values(try body.thresholds.applied(to: state?.thresholds.numbers ?? [:], of: check))
      let step = body.step.wholeNanoseconds / 1000
      let steps = (end.unixMicroseconds - start.unixMicroseconds) / step + 1
      let most = Int64(context.settings.backtestEvaluations)
      let (evaluations, overflow) = steps.multipliedReportingOverflow(by: Int64(max(servers.count, 1)))
      if overflow || evaluations > most {
        throw Problem(
          .validationFailed,
          "\(steps) steps times \(servers.count) servers are more than \(most) evaluations (backtest_evaluations)")
      }
      let times = (0..<steps).map { Timestamp(unixMicroseconds: start.unixMicroseconds + $0 * step) }
      let isGone = Gone()
      context.departure.onDeparture { isGone.flag.store(true, ordering: .relaxed) }
      let outcome = try await Backtest(
        check: check, thresholds: thresholds, times: times, servers: servers, settings: context.settings
      ).run(on: queries) { isGone.flag.load(ordering: .relaxed) }
      return BacktestAnswer(
        check: check, thresholds: thresholds, start: start, end: end, step: body.step, servers: servers.count,
        outcome: outcome)
    }
  }

  /// Whether the client went away.
  private final class Gone: Sendable {
    let flag = Atomic<Bool>(false)
  }
}
