// What a COPY writer's session needs, as texts: the writer lives on an ingest loop and speaks simple queries only.

enum WriterSession {
  /// Sent once after connecting, as one simple query. A lock or a statement that takes longer is a fault that the queue must
  /// not wait for; the line number in COPY's error context is read in English, which takes a privilege that a plain role may
  /// lack (then pushes are retried one by one instead). The ledger has to see what was committed before its locks were taken, which
  /// is "read committed".
  static func setup(lockTimeout: Duration, statementTimeout: Duration) -> String {
    """
    SET synchronous_commit = on;
    SET default_transaction_isolation = 'read committed';
    SET lock_timeout = \(Int64(lockTimeout / .milliseconds(1)));
    SET statement_timeout = \(Int64(statementTimeout / .milliseconds(1)));
    SET idle_in_transaction_session_timeout = '30s';
    SET TimeZone = 'UTC';
    DO $$ BEGIN SET lc_messages = 'C'; EXCEPTION WHEN insufficient_privilege THEN NULL; END $$;
    CREATE TEMP TABLE IF NOT EXISTS staging_texts (LIKE pganalytics.texts) ON COMMIT DELETE ROWS;
    CREATE TEMP TABLE IF NOT EXISTS staging_objects (LIKE pganalytics.objects) ON COMMIT DELETE ROWS;
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
