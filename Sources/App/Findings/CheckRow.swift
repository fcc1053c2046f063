import Protocol

/// A row of a check's statement. It is one of two kinds:
/// - With a subject: what the check found of one subject of one server.
/// - With `subject` NULL, the *marker*: there was a whole list of this server at the time that was looked at. Without a
///   marker the list may lack subjects, so the findings of subjects that have no row stay open.
struct CheckRow: SQLRow, Equatable {
  let serverID: Int32
  /// What the row is about within the server, such as a slot or a database; empty for the server itself.
  let subject: String?
  let value: Double?
  /// The threshold that `value` is compared with.
  let threshold: Double?
  /// A finding opens if there is none.
  let opens: Bool
  /// An open finding stays open. `opens` implies it.
  let holds: Bool
  /// The finding in one line; nil only if the row neither opens nor holds.
  let message: String?
  /// Further facts for people and programs: a JSON object.
  let details: JSONText
}

extension CheckRow {
  init(from row: inout RowReader) throws(DatabaseError) {
    serverID = try row.read("server_id")
    subject = try row.read("subject")
    value = try row.read("value")
    threshold = try row.read("threshold")
    opens = try row.read("opens")
    holds = try row.read("holds")
    message = try row.read("message")
    details = try row.read("details")
  }
}
