// The endpoints with which people see the checks, switch them and change their thresholds.

import Protocol

struct CheckPatch: RequestBody {
  let isOn: Bool?
  let thresholds: ThresholdChange?

  init(from object: inout ObjectReader) {
    isOn = object.optional("is_on", .flag, "`false` ends the check's open findings.")
    thresholds = object.optional(
      "thresholds", .thresholds, "Numbers by the names of thresholds; null: the default. Others keep their number.")
  }

  static let example: JSONValue = ["is_on": true, "thresholds": ["seconds": 600]]
}

enum CheckEndpoints {
  static func all(_ database: Database, queries: Database) -> [Endpoint] {
    [list(database), change(database), BacktestEndpoint.declaration(database, queries: queries)]
  }

  /// The check that a path names. - Throws: `.notFound`
  static func check(_ name: String) throws(Problem) -> Check {
    guard let check = Checks.byName[name] else { throw Problem(.notFound, "there is no such check") }
    return check
  }

  private static func list(_ database: Database) -> Endpoint {
    Endpoint(
      .get, "/api/v1/checks", id: "listChecks", tag: .findings, access: .user(.viewer),
      summary: "All checks, with their thresholds and their last evaluation.", returns: CheckListAnswer.self
    ) { _, _ async throws(Problem) -> CheckListAnswer in
      let states = try await database.query { database throws(DatabaseError) in
        try await database.rows(CheckStatements.states, Checks.all.map(\.name))
      }
      let known = Dictionary(states.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
      return CheckListAnswer(
        data: Checks.all.map { CheckAnswer(check: $0, state: known[$0.name] ?? CheckState(of: $0)) })
    }
  }

  private static func change(_ database: Database) -> Endpoint {
    Endpoint(
      .patch, "/api/v1/checks/{name}", id: "changeCheck", tag: .findings, access: .user(.operator),
      summary: "Switch a check on or off, or change its thresholds.",
      description: """
        The change counts from the next evaluation of each server on. A backtest shows before what other thresholds would \
        have found.
        """,
      body: CheckPatch.self, returns: CheckAnswer.self
    ) { request, context async throws(Problem) -> CheckAnswer in
      guard case .user(let user) = context.principal else { throw Problem(.insufficientRole) }
      let check = try check(request.path.text("name"))
      let patch = request.body
      var event = AuditEvent(.changeCheck, context, on: "check:\(check.name)")
      if let isOn = patch.isOn { event.details["is_on"] = .bool(isOn) }
      for (name, value) in (patch.thresholds?.values ?? [:]).sorted(by: { $0.key < $1.key }) {
        event.details[name] = value.map { .double($0) } ?? .null
      }
      return try await database.change(event) { session throws(Problem) in
        let old = try await session.query { session throws(DatabaseError) in
          try await session.execute(CheckStatements.lock, check.name)
          return try await session.one(CheckStatements.states, [check.name])
        }
        guard let old else { throw Problem(.internalError, cause: "no state of check \(check.name)") }
        let thresholds = try (patch.thresholds ?? ThresholdChange()).applied(to: old.thresholds.numbers, of: check)
        let state = try await session.query { session throws(DatabaseError) in
          let document = JSONText { json in
            json.object { json in
              for (name, value) in thresholds.sorted(by: { $0.key < $1.key }) { json.member(name, value) }
            }
          }
          try await session.execute(CheckStatements.set, check.name, patch.isOn ?? old.isOn, document, user.id)
          return try await session.one(CheckStatements.states, [check.name])
        }
        return CheckAnswer(check: check, state: state ?? old)
      }
    }
  }
}
