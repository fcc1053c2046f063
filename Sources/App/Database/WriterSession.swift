// What a COPY writer's session needs beside what every session has, as texts: the writer lives on an ingest loop and speaks
// simple queries only.

enum WriterSession {
  /// Sent after connecting, and when time limits change, as one simple query. A lock or a statement that takes longer is a fault
  /// that the queue must not wait for. The staging tables are like nothing else: a session can be made whatever became of the
  /// tables that they are merged into. The ledger has to see what was committed before its locks were taken, which is
  /// "read committed": every session has that.
  static func setup(lockTimeout: Duration, statementTimeout: Duration) -> String {
    // COMMIT: what a transaction may do was decided at its begin, by the defaults of before.
    SessionDefaults.script(.init(statement: statementTimeout, lock: lockTimeout)) + """
      COMMIT;
      CREATE TEMP TABLE IF NOT EXISTS staging_texts (server_id int4, text_id int8, value text) ON COMMIT DELETE ROWS;
      CREATE TEMP TABLE IF NOT EXISTS staging_objects (server_id int4, object_id int8, kind text, name text, key text[])
        ON COMMIT DELETE ROWS;
      \(PushLedger.preparation)
      """
  }

  /// Texts arrive by COPY into the staging table, in the same transaction as the rows that name them. Sorted, so that
  /// two writers with the same texts wait for one another instead of deadlocking.
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
