// The SQL texts that a COPY writer's session needs in addition to the session defaults. A writer lives on an ingest
// loop and sends simple queries only.

enum WriterSession {
  /// The session setup, as one simple query. The writer sends it after connecting and when time limits change. A lock
  /// or a statement that takes longer than its limit is a fault, and the queue must not wait for it. The staging tables
  /// are not created LIKE the real tables, so a session can be set up even if those are damaged. The ledger has to see
  /// what was committed before it got its locks, which needs "read committed"; `SessionDefaults` sets it.
  static func setup(lockTimeout: Duration, statementTimeout: Duration) -> String {
    // COMMIT ends the implicit transaction, whose modes come from the defaults before this script.
    SessionDefaults.script(.init(statement: statementTimeout, lock: lockTimeout)) + """
      COMMIT;
      CREATE TEMP TABLE IF NOT EXISTS staging_texts (server_id int4, text_id int8, value text) ON COMMIT DELETE ROWS;
      CREATE TEMP TABLE IF NOT EXISTS staging_objects (server_id int4, object_id int8, kind text, name text, key text[])
        ON COMMIT DELETE ROWS;
      \(PushLedger.preparation)
      """
  }

  /// Texts arrive by COPY into the staging table, in the same transaction as the rows that refer to them. They are
  /// merged in order, so that two writers with the same texts wait for each other instead of deadlocking.
  static let copyTexts = "COPY staging_texts (server_id, text_id, value) FROM STDIN (FORMAT binary)"
  static let mergeTexts = """
    INSERT INTO pganalytics.texts (server_id, text_id, value)
    SELECT server_id, text_id, value FROM staging_texts ORDER BY 1, 2 ON CONFLICT DO NOTHING
    """

  static let copyObjects = "COPY staging_objects (server_id, object_id, kind, name, key) FROM STDIN (FORMAT binary)"
  static let mergeObjects = """
    INSERT INTO pganalytics.objects (server_id, object_id, kind, name, key)
    SELECT server_id, object_id, kind, name, key FROM staging_objects ORDER BY 1, 2 ON CONFLICT DO NOTHING
    """
}
