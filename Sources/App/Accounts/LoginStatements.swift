import Protocol

/// Failed logins of a name in a row. What a name has is nowhere told from what nobody has.
enum LoginStatements {
  static let all = [lock.description, fail.description, succeed.description]

  /// Seconds for which the name is locked; no row if it is not.
  static let lock = Statement<String, SingleValue<Int64>>(
    "login_lock",
    """
    SELECT ceil(extract(epoch FROM locked_until - now()))::int8 FROM pganalytics.login_failures
    WHERE name_hash = pganalytics.login_name_hash($1) AND locked_until > now()
    """)

  /// Counts one failure, in one statement: servers may count at once. From the failure that reaches the limit on, each
  /// locks the name twice as long as the one before. What is long past is forgotten.
  /// Parameters: name, failures that lock, seconds of the first lock, seconds of the longest.
  static let fail = Statement<String, Int32, Double, Double, NoRow>(
    "login_fail",
    """
    INSERT INTO pganalytics.login_failures AS stored (name_hash, failures, failed_at, locked_until)
    VALUES (
      pganalytics.login_name_hash($1), 1, now(),
      CASE WHEN $2 <= 1 THEN now() + make_interval(secs => least($3::float8, $4::float8)) END)
    ON CONFLICT (name_hash) DO UPDATE SET (failures, failed_at, locked_until) = (
      SELECT
        counted.failures, now(),
        CASE WHEN counted.failures >= $2 THEN
          now() + make_interval(secs => least($4, $3 * power(2, least(counted.failures - $2, 30))))
        END
      FROM (
        SELECT CASE
          WHEN coalesce(stored.locked_until, stored.failed_at) < now() - make_interval(secs => $4) THEN 1
          ELSE stored.failures + 1
        END AS failures
      ) AS counted)
    """)

  static let succeed = Statement<String, NoRow>(
    "login_succeed",
    "DELETE FROM pganalytics.login_failures WHERE name_hash = pganalytics.login_name_hash($1)")
}
