// Pushes whose rows PostgreSQL refused although the encoder let them through: kept whole, in the ledger, out of the way.

import Protocol

/// A push on its way aside, without its connection.
struct DeadLetter: Sendable {
  struct Table: Sendable {
    let name: String
    let tuples: [UInt8]
  }

  let pushID: UUID
  let day: Day
  let serverID: Int32
  let sqlstate: String
  let message: String
  let tables: [Table]

  init(_ push: Push, _ error: DatabaseError, targets: [CopyTarget]) {
    pushID = push.id
    day = Day(word: push.day)
    serverID = push.serverID
    sqlstate = error.sqlstate ?? ""
    message = error.description
    tables = targets.compactMap { target in
      guard push.byteCount(of: target.index) > 0 else { return nil }
      return Table(
        name: target.table,
        tuples: push.withTuples(of: target.index) { span in
          span.withUnsafeBufferPointer { Array($0) }
        })
    }
  }
}

enum DeadLetterStatements {
  static let all = [ledger.description, add.description]

  /// No row: the push is in the ledger already.
  static let ledger = Statement<Day, UUID, Int32, SingleValue<UUID>>(
    "dead_letter_ledger",
    """
    INSERT INTO pganalytics.ingest_ledger (day, push_id, server_id) VALUES ($1, $2, $3)
    ON CONFLICT DO NOTHING RETURNING push_id
    """)

  /// Parameters: server, push, table, SQLSTATE, message, tuples of a binary COPY.
  static let add = Statement<Int32, UUID, String, String, String, [UInt8], NoRow>(
    "dead_letter_add",
    """
    INSERT INTO pganalytics.dead_letters (server_id, push_id, table_name, sqlstate, message, tuples)
    VALUES ($1, $2, $3, $4, $5, $6)
    """)
}

extension DeadLetter {
  /// Stores the push aside, once, with its ledger entry: a retry is a duplicate then.
  func park(in database: Database) async throws(DatabaseError) {
    try await database.transaction { session throws(DatabaseError) in
      let isNew = try await session.one(DeadLetterStatements.ledger, day, pushID, serverID) != nil
      if !isNew { return }
      for table in tables {
        try await session.execute(
          DeadLetterStatements.add, serverID, pushID, table.name, sqlstate, message, table.tuples)
      }
    }
  }
}
