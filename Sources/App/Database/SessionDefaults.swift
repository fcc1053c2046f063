// The settings that every session of this program relies on: those of the REST API, the queries, the listener, the
// writers and the command line. A DBA can give a database or a role other defaults (ALTER DATABASE, ALTER ROLE) for
// other programs. So each session sets everything that would change an answer or the durability of a commit.
//
// The settings are sent as statements and not as start-up options, because a pooler between the program and PostgreSQL
// refuses options that it does not know. Settings that only some versions have, or only some roles may set, are set
// where possible.

enum SessionDefaults {
  /// The time limits of a session. Zero means no limit.
  struct Limits: Hashable, Sendable {
    var statement: Duration
    var lock: Duration = .zero
  }

  /// If one of our transactions is idle for this long, its program is gone, and PostgreSQL ends it to release its
  /// locks.
  static let idleInTransaction: Duration = .seconds(300)

  /// Names and values of the settings that every version has and every role may set.
  static let settings: [(name: String, value: String)] = [
    // First come settings that could end the session, or block it, while it is being set up.
    ("statement_timeout", "0"),
    ("lock_timeout", "0"),
    ("idle_in_transaction_session_timeout", idleInTransaction.settingText),
    ("idle_session_timeout", "0"),
    ("exit_on_error", "off"),
    ("quote_all_identifiers", "off"),
    // Names of tables in our statements have their schemas; operators, functions and TimescaleDB's names have none.
    // pg_catalog comes first.
    ("search_path", "public"),
    // The statements are written for read committed. At another level they may wait, fail or see other rows.
    ("default_transaction_isolation", "read committed"),
    ("default_transaction_deferrable", "off"),
    // Settings that affect the text forms of values.
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
    // PostgreSQL would compile the expressions of a statement that it takes for costly. A statement of a read has hundreds
    // of them, and their compilation took ten times as long as the statement.
    ("jit", "off"),
    // Settings that affect which rows a statement sees.
    ("transform_null_equals", "off"),
    ("row_security", "on"),
    ("gin_fuzzy_search_limit", "0"),
  ]

  /// Settings that a version may lack or a role may not be allowed to set. They then keep their value.
  static let guarded: [(name: String, value: String)] = [
    // 17 and later: ends a transaction after this time, even if it is busy.
    ("transaction_timeout", "0"),
    // 14 and later: while it works, the server checks that the client is connected, so that an abandoned query ends.
    ("client_connection_check_interval", "1s"),
    // A session in another role fires no triggers, so it announces nothing.
    ("session_replication_role", "origin"),
    // The code reads the line number in COPY's error context, which is in English with this setting.
    ("lc_messages", "C"),
    // Recent minor versions: restricts reading of relations that are not tables.
    ("restrict_nonsystem_relation_kind", ""),
  ]

  /// All of it as one simple query. Fails with 25006 in a session that cannot write.
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
