import Protocol

/// Counts failed logins of a name, per address and in total. Known and unknown names are treated alike.
enum LoginStatements {
  static let all = [lock.description, fail.description, succeed.description, lift.description]

  /// For how many seconds the name is locked for the address; no row if it is not locked. A failure whose time lies in
  /// the future does not count: the clock was set back since, and the lock-out could last for ever. The next failure
  /// locks the name again. Parameters: name, address.
  static let lock = Statement<String, String, SingleValue<Int64>>(
    "login_lock",
    """
    SELECT ceil(extract(epoch FROM max(locked_until) - now()))::int8 FROM (
      SELECT failed_at, locked_until FROM pganalytics.login_address_failures
      WHERE name_hash = pganalytics.login_name_hash($1) AND address = $2
      UNION ALL
      SELECT failed_at, locked_until FROM pganalytics.login_failures
      WHERE name_hash = pganalytics.login_name_hash($1)) AS failures
    WHERE locked_until > now() AND failed_at <= now()
    HAVING count(*) > 0
    """)

  /// Counts one more failure. If the last failure is older than the longest lock, the count begins again.
  private static let counted = """
    SELECT CASE
      WHEN coalesce(stored.locked_until, stored.failed_at) < now() - make_interval(secs => $5) THEN 1
      ELSE stored.failures + 1
    END AS failures
    """

  /// Once the number of failures reaches the limit, each further failure locks twice as long as the one before.
  private static let lockedUntil = """
    now() + make_interval(secs => least($5::float8, $4::float8 * power(2, least(counted.failures - $3, 30))))
    """

  /// Counts one failure, in one statement, because several servers may count at the same time. If failures come from
  /// many addresses, the name is locked for all addresses. Parameters: name, address, failures that lock, seconds of
  /// the first lock, seconds of the longest, number of addresses from which on the name is locked as a whole.
  static let fail = Statement<String, String, Int32, Double, Double, Int32, NoRow>(
    "login_fail",
    """
    WITH at_address AS (
      INSERT INTO pganalytics.login_address_failures AS stored (name_hash, address, failures, failed_at, locked_until)
      VALUES (
        pganalytics.login_name_hash($1), $2, 1, now(),
        CASE WHEN $3 <= 1 THEN now() + make_interval(secs => least($4::float8, $5::float8)) END)
      ON CONFLICT (name_hash, address) DO UPDATE SET (failures, failed_at, locked_until) = (
        SELECT counted.failures, now(), CASE WHEN counted.failures >= $3 THEN \(lockedUntil) END
        FROM (\(counted)) AS counted)),
    addresses AS (
      SELECT count(*) + 1 AS number FROM pganalytics.login_address_failures
      WHERE name_hash = pganalytics.login_name_hash($1) AND address <> $2
        AND failed_at > now() - make_interval(secs => $5))
    INSERT INTO pganalytics.login_failures AS stored (name_hash, failures, failed_at, locked_until)
    SELECT pganalytics.login_name_hash($1), 1, now(),
      CASE WHEN $3 <= 1 AND number >= $6::int4 THEN now() + make_interval(secs => least($4::float8, $5::float8)) END
    FROM addresses
    ON CONFLICT (name_hash) DO UPDATE SET (failures, failed_at, locked_until) = (
      SELECT counted.failures, now(),
        CASE WHEN counted.failures >= $3 AND (SELECT number FROM addresses) >= $6::int4 THEN \(lockedUntil) END
      FROM (\(counted)) AS counted)
    """)

  /// Resets the counts after a correct password: that of the address and the total. Parameters: name, address.
  static let succeed = Statement<String, String, NoRow>(
    "login_succeed",
    """
    WITH at_address AS (
      DELETE FROM pganalytics.login_address_failures
      WHERE name_hash = pganalytics.login_name_hash($1) AND address = $2)
    DELETE FROM pganalytics.login_failures WHERE name_hash = pganalytics.login_name_hash($1)
    """)

  /// Lifts every lock-out of a name. Parameters: name.
  static let lift = Statement<String, NoRow>(
    "login_lift",
    """
    WITH at_address AS (
      DELETE FROM pganalytics.login_address_failures WHERE name_hash = pganalytics.login_name_hash($1))
    DELETE FROM pganalytics.login_failures WHERE name_hash = pganalytics.login_name_hash($1)
    """)
}
