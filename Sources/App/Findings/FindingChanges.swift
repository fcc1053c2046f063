import Protocol

/// What one evaluation changes of findings, as the document that `FindingStatements.change` takes.
struct FindingChanges: ~Copyable {
  private var json = JSONWriter()
  private let enclosing: JSONWriter.Enclosing
  private(set) var opened = 0
  private(set) var kept = 0
  private(set) var ended = 0
  /// The servers of which a finding opens or ends.
  private(set) var servers: Set<Int32> = []

  init() { enclosing = json.beginArray() }

  var isEmpty: Bool { opened + kept + ended == 0 }

  mutating func add(_ evaluation: FindingMachine.Evaluation, of check: Check) {
    for row in evaluation.opened { add("open", row, check) }
    for row in evaluation.kept { add("keep", row, check) }
    for end in evaluation.ended {
      json.object { json in
        json.member("kind", "end")
        json.member("check_name", check.name)
        json.member("server_id", end.key.serverID)
        json.member("subject", end.key.subject)
        json.member("reason", end.reason.rawValue)
      }
    }
    opened += evaluation.opened.count
    kept += evaluation.kept.count
    ended += evaluation.ended.count
    for row in evaluation.opened { servers.insert(row.serverID) }
    for end in evaluation.ended { servers.insert(end.key.serverID) }
  }

  private mutating func add(_ kind: String, _ row: CheckRow, _ check: Check) {
    json.object { json in
      json.member("kind", kind)
      json.member("check_name", check.name)
      json.member("server_id", row.serverID)
      json.member("subject", row.subject ?? "")
      json.member("severity", check.severity.rawValue)
      json.member("message", row.message ?? check.title)
      if let value = row.value { json.member("value", value) }
      if let threshold = row.threshold { json.member("threshold", threshold) }
      json.key("details")
      json.value(json: Array(row.details.text.utf8).span)
    }
  }

  /// Ends the document.
  consuming func finish() -> JSONText {
    json.endArray(enclosing)
    return JSONText(json.finish().withUnsafeBytes { String(decoding: $0, as: UTF8.self) })
  }
}
