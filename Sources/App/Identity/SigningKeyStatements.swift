import Protocol

/// A signing key as the database has it.
struct SigningKeyRow: SQLRow {
  let kid: String
  let secret: [UInt8]
  let createdAt: Timestamp
  let signsFrom: Timestamp
  let retiredAt: Timestamp?
  /// Whether `signsFrom` has come, by the clock that all servers share.
  let mayFromNowOnSign: Bool

  init(from row: inout RowReader) throws(DatabaseError) {
    kid = try row.read("kid")
    secret = try row.read("secret")
    createdAt = try row.read("created_at")
    signsFrom = try row.read("signs_from")
    retiredAt = try row.read("retired_at")
    mayFromNowOnSign = try row.read("may_sign")
  }
}

enum SigningKeyStatements {
  static let all = [
    list.description, lock.description, isDue.description, add.description, retireOlder.description,
    retire.description, prune.description,
  ]

  /// Keys that still verify, the newest first.
  static let list = Statement<SigningKeyRow>(
    "signing_keys",
    """
    SELECT kid, secret, created_at, signs_from, retired_at, signs_from <= now() AS may_sign
    FROM pganalytics.signing_keys WHERE retired_at IS NULL OR retired_at > now() ORDER BY signs_from DESC, kid
    """)

  /// Several servers may check at the same time whether a new key is due, and only one may make it. The lock lasts
  /// until the end of the transaction.
  static let lock = Statement<NoRow>(
    "signing_keys_lock", "LOCK TABLE pganalytics.signing_keys IN SHARE ROW EXCLUSIVE MODE")

  /// Whether there is no key younger than $1 seconds. Keys from the future do not count: the clock was set back since,
  /// so such a key does not sign until that time, and would prevent the replacement of older keys. The comparison with
  /// the future does not use now(), the begin of the transaction: a key that another server made while this one waited
  /// for the lock would be in the future.
  static let isDue = Statement<Double, SingleValue<Bool>>(
    "signing_key_is_due",
    """
    SELECT NOT EXISTS (SELECT 1 FROM pganalytics.signing_keys
      WHERE retired_at IS NULL AND created_at > now() - make_interval(secs => $1) AND created_at <= clock_timestamp())
    """)

  /// Parameters: kid, secret, seconds until it signs.
  static let add = Statement<String, [UInt8], Double, NoRow>(
    "signing_key_add",
    """
    INSERT INTO pganalytics.signing_keys (kid, secret, signs_from)
    VALUES ($1, $2, now() + make_interval(secs => $3))
    """)

  /// Parameters: the newest key, seconds for which the older keys still verify.
  static let retireOlder = Statement<String, Double, NoRow>(
    "signing_keys_retire_older",
    """
    UPDATE pganalytics.signing_keys SET retired_at = now() + make_interval(secs => $2)
    WHERE kid <> $1 AND retired_at IS NULL
    """)

  /// Ends a key now, unless it is the only one that may sign. Returns its kid, or no row.
  static let retire = Statement<String, SingleValue<String>>(
    "signing_key_retire",
    """
    UPDATE pganalytics.signing_keys SET retired_at = now()
    WHERE kid = $1 AND (retired_at IS NULL OR retired_at > now())
      AND EXISTS (SELECT 1 FROM pganalytics.signing_keys o
        WHERE o.kid <> $1 AND o.signs_from <= now() AND (o.retired_at IS NULL OR o.retired_at > now()))
    RETURNING kid
    """)

  /// Deletes keys that verify nothing any more. They are useless, and each is a secret.
  static let prune = Statement<NoRow>(
    "signing_keys_prune", "DELETE FROM pganalytics.signing_keys WHERE retired_at < now()")
}
