// What every session of ours relies on, in one place for all of them: the REST API's, the queries', the listener's, the writers'
// and those of the command line. A DBA can give a database or a role other defaults (ALTER DATABASE, ALTER ROLE), for other
// programs' sake; what changes an answer of ours, or whether a change is durable, we set ourselves.
//
// They are sent as statements, not as start-up options: a pooler between us and PostgreSQL refuses options that it does not
// know. What only some versions have, or only some roles may set, is set where it can be.

enum SessionDefaults {
  /// What a session may take its time for. Zero is without limit.
  struct Limits: Hashable, Sendable {
    var statement: Duration
    var lock: Duration = .zero
  }

  /// A transaction of ours that is idle for longer has lost its program: its locks are let go of.
  static let idleInTransaction: Duration = .seconds(300)

  /// Name and value of those that every version has, and every role may set.
  static let settings: [(name: String, value: String)] = [
    // First what could end the session, or keep it from its work, while it is being set up.
    ("statement_timeout", "0"),
    ("lock_timeout", "0"),
    ("idle_in_transaction_session_timeout", idleInTransaction.settingText),
    ("idle_session_timeout", "0"),
    ("exit_on_error", "off"),
    ("quote_all_identifiers", "off"),
    // Names in our statements have their schemas; operators, functions and TimescaleDB's have none. pg_catalog comes first.
    ("search_path", "public"),
    // What was read committed when it was written may wait, fail or see other rows at another level.
    ("default_transaction_isolation", "read committed"),
    ("default_transaction_deferrable", "off"),
    // Texts that go to the database or come from it.
    ("client_encoding", "UTF8"),
    ("standard_conforming_strings", "on"),
    ("TimeZone", "UTC"),
    ("DateStyle", "ISO, MDY"),
    ("IntervalStyle", "postgres"),
    ("bytea_output", "hex"),
    ("extra_float_digits", "1"),
    ("array_nulls", "on"),
    ("lc_numeric", "C"),
    ("lc_time", "C"),
    ("lc_monetary", "C"),
    // What rows a statement sees.
    ("transform_null_equals", "off"),
    ("row_security", "on"),
    ("gin_fuzzy_search_limit", "0"),
  ]

  /// Those that a version lacks or a role may not set, which then stay as they are.
  static let guarded: [(name: String, value: String)] = [
    // 17 and later: ends a transaction, however busy it is.
    ("transaction_timeout", "0"),
    // 14 and later: the server looks whether we are still there while it works, so that an abandoned query ends.
    ("client_connection_check_interval", "1s"),
    // A session as a replica's has no triggers, and announces nothing.
    ("session_replication_role", "origin"),
    // The line number in COPY's error context is read in English.
    ("lc_messages", "C"),
    // Recent minor versions: what may be read that is no table.
    ("restrict_nonsystem_relation_kind", ""),
  ]

  /// All of it as one simple query. Fails with 25006 in a session that writes nothing.
  static func script(_ limits: Limits) -> String {
    settings.map { "SET \($0.name) = '\($0.value)';\n" }.joined() + """
      DO $$
      DECLARE wanted record;
      BEGIN
        FOR wanted IN
          SELECT v.name, v.value
          FROM (VALUES \(guarded.map { "('\($0.name)', '\($0.value)')" }.joined(separator: ", "))) AS v (name, value)
          WHERE current_setting(v.name, true) <> v.value
        LOOP
          BEGIN
            PERFORM set_config(wanted.name, wanted.value, false);
          EXCEPTION WHEN insufficient_privilege THEN NULL;
          END;
        END LOOP;
        -- An answer of 2xx is a promise: off breaks it in a crash, local and remote_write when a standby takes over.
        IF current_setting('synchronous_commit') <> 'remote_apply' THEN
          SET synchronous_commit = on;
        END IF;
        -- A default of the database or the role is no reason not to write; one of the whole server is: it is fenced off.
        IF EXISTS (
          SELECT FROM pg_settings WHERE name = 'default_transaction_read_only' AND setting = 'on'
            AND source NOT IN ('configuration file', 'command line'))
        THEN
          SET default_transaction_read_only = off;
        END IF;
        -- TimescaleDB's functions, if they are elsewhere.
        PERFORM set_config('search_path', 'public, ' || quote_ident(n.nspname), false)
        FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
        WHERE e.extname = 'timescaledb' AND n.nspname <> 'public';
        IF pg_is_in_recovery() OR current_setting('default_transaction_read_only')::bool THEN
          RAISE EXCEPTION 'the database is read only: it is a standby, or its configuration says so'
            USING ERRCODE = 'read_only_sql_transaction';
        END IF;
      END $$;
      SET statement_timeout = \(limits.statement.settingText);
      SET lock_timeout = \(limits.lock.settingText);

      """
  }
}
