// Parking: a push whose rows PostgreSQL refuses although the encoder accepted them is stored whole in `dead_letters`,
// with its ledger entry, so that other pushes continue.

import Protocol

/// A copy of a push that is to be parked, without its connection.
struct DeadLetter: Sendable {
  /// The push's rows for one table, as binary COPY tuples.
  struct Table: Sendable {
    let target: CopyTarget
    let rowCount: Int
    let tuples: [UInt8]
  }

  let pushID: UUID
  let serverID: Int32
  let ledgerEntry: PushLedger.Entry
  let refusal: Refusal
  let message: String
  let tables: [Table]

  init(_ push: Push, _ suspicion: Suspicion, targets: [CopyTarget]) {
    pushID = push.id
    ledgerEntry = PushLedger.Entry(push)
    serverID = push.serverID
    refusal = suspicion.refusal
    message = suspicion.error.description
    tables = targets.compactMap { target in
      guard push.byteCount(of: target.index) > 0 else { return nil }
      return Table(
        target: target, rowCount: push.rows.rowCount(of: target.index),
        tuples: push.withTuples(of: target.index) { span in
          span.withUnsafeBufferPointer { Array($0) }
        })
    }
  }
}

enum DeadLetterStatements {
  static let all = [add.description]

  /// Parameters: server, push, table, SQLSTATE, table that refused, message, number of rows, names and types of their
  /// columns, tuples of a binary COPY.
  static let add = Statement<
    Int32, UUID, String, String, String?, String, Int32, [String], [String], [UInt8], NoRow
  >(
    "dead_letter_add",
    """
    INSERT INTO pganalytics.dead_letters
      (server_id, push_id, table_name, sqlstate, refused_table, message, row_count, column_names, column_types, tuples)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
    """)
}

extension DeadLetter {
  /// Parks the push with its ledger entry, in one transaction, so that a retry of the collector is a duplicate. Does
  /// nothing if the ledger knows the push already. Metrics at the beginning that another push has stored are left out.
  func park(in database: Database) async throws(DatabaseError) {
    try await database.transaction { session throws(DatabaseError) in
      let judgement = try await ledgerEntry.enter(session)
      guard let judgement, judgement.verdict == .new else { return }
      let remainder = try await ledgerEntry.remainder(judgement, session)
      for table in tables {
        let tuples = remainder.bytes(of: table.tuples, for: table.target.index)
        if tuples.isEmpty { continue }
        try await session.execute(
          DeadLetterStatements.add, serverID, pushID, table.target.table, refusal.sqlstate, refusal.table, message,
          Int32(clamping: table.rowCount - remainder.rowsLeftOut(of: table.target.index)),
          table.target.columns.map(\.name),
          table.target.columns.map(\.type), tuples)
      }
    }
  }
}
