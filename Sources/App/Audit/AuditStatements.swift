import Protocol

enum AuditStatements {
  static let all = AuditList.listing.statements + [add.description]

  /// Parameters: actor, action, subject, outcome, address, request id, details.
  static let add = Statement<String, String, String?, String, String?, String?, JSONText, NoRow>(
    "audit_add",
    """
    INSERT INTO pganalytics.audit (actor, action, subject, outcome, address, request_id, details)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    """)
}

extension DatabaseClient {
  /// Writes `event` to the trail. Call it in the transaction of the change, so that both are stored or neither.
  func audit(_ event: AuditEvent) async throws(DatabaseError) {
    try await execute(
      AuditStatements.add, event.actor, event.action.rawValue, event.subject, event.outcome.rawValue, event.address,
      event.requestID, JSONText(event.details))
  }
}

extension Database {
  /// Runs a change and writes its event in one transaction.
  ///
  ///     try await database.change(AuditEvent(.deleteUser, context, on: "user:\(id)")) { session throws(Problem) in ... }
  ///
  /// - Parameter work: makes the change. If it throws, the change is rolled back and not audited.
  @discardableResult
  func change<Value>(
    _ event: AuditEvent, _ work: (DatabaseLease) async throws(Problem) -> Value
  ) async throws(Problem) -> Value {
    try await transaction { session throws(Problem) in
      let value = try await work(session)
      try await session.query { client throws(DatabaseError) in try await client.audit(event) }
      return value
    }
  }
}

extension JSONText {
  init(_ object: JSONObject) {
    var json = JSONWriter()
    json.value(.object(object))
    self.init(json.finish().withUnsafeBytes { String(decoding: $0, as: UTF8.self) })
  }

  /// The document as a tree; nil if it is larger or deeper than any document of ours.
  var value: JSONValue? {
    switch Result(catching: { () throws(JSONValueError) in try JSONValue.parse(Array(text.utf8).span) }) {
    case .success(let value): value
    case .failure: nil
    }
  }
}
