// The partitions of roll-up tables on plain PostgreSQL. Each holds some days and is made just before rows are put into
// it. They are made and dropped like the partitions of metric tables, see `Partitions`.

enum RollupPartitionStatements {
  /// Parameters: the end of the tables' names; days of a partition; the first and the last day that need a partition.
  static let missing = Statement<String, Int32, Day, Day, PartitionStatements.Missing>(
    "rollup_partitions_missing",
    """
    WITH wanted AS (
      SELECT c.relname, day, (day + $2)::date AS next,
        format('rollups.%I', c.relname || to_char(day::timestamp, '"_p"YYYYMMDD')) AS name
      FROM pg_partitioned_table p
      JOIN pg_class c ON c.oid = p.partrelid
      JOIN pg_namespace n ON n.oid = c.relnamespace
      CROSS JOIN LATERAL (
        SELECT (date '2000-01-03' + number * $2)::date AS day
        FROM generate_series(($3 - date '2000-01-03') / $2, ($4 - date '2000-01-03') / $2) AS number
      ) AS days
      WHERE n.nspname = 'rollups' AND c.relname LIKE '%' || $1
    )
    SELECT name,
      CASE WHEN to_regclass(name) IS NULL
        THEN format('CREATE TABLE %s (LIKE rollups.%I INCLUDING ALL); ', name, relname) ELSE '' END
      || format('ALTER TABLE rollups.%I ATTACH PARTITION %s FOR VALUES FROM (%L) TO (%L)', relname, name,
        to_char(day::timestamp, 'YYYY-MM-DD') || ' 00:00:00+00', to_char(next::timestamp, 'YYYY-MM-DD') || ' 00:00:00+00')
      AS creation
    FROM wanted
    WHERE NOT EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = to_regclass(name))
    ORDER BY day, name
    """)

  /// Parameters: the end of the tables' names; the first day of a partition that is kept.
  static let expired = Statement<String, Day, PartitionStatements.Expired>(
    "rollup_partitions_expired",
    """
    SELECT format('rollups.%I', c.relname) AS name,
      CASE WHEN i.inhrelid IS NULL THEN NULL
        ELSE format('ALTER TABLE rollups.%I DETACH PARTITION rollups.%I %s', pc.relname, c.relname,
          CASE WHEN i.inhdetachpending THEN 'FINALIZE' ELSE 'CONCURRENTLY' END)
      END AS detachment,
      format('DROP TABLE rollups.%I', c.relname) AS removal
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
    LEFT JOIN pg_class pc ON pc.oid = i.inhparent
    WHERE n.nspname = 'rollups' AND c.relkind = 'r' AND c.relname ~ ($1 || '_p[0-9]{8}$')
      AND right(c.relname, 8) < to_char($2::date::timestamp, 'YYYYMMDD')
    ORDER BY right(c.relname, 8), 1
    """)

  static let all = [missing.description, expired.description]
}

extension Partitions {
  /// Makes the partitions of a step's tables for the days from `first` to `last`.
  func ensureRollups(_ step: RollupStep, from first: Day, to last: Day) async throws(DatabaseError) {
    func missing(_ client: some DatabaseClient) async throws(DatabaseError) -> [PartitionStatements.Missing] {
      try await client.rows(
        RollupPartitionStatements.missing, "_\(step.rawValue)", step.partitionDays, first, last)
    }
    try await create(
      { database throws(DatabaseError) in try await missing(database) },
      locked: { session throws(DatabaseError) in try await missing(session) })
  }

  /// Drops the partitions whose last day is older than the retention.
  func dropExpiredRollups(
    today: Day, _ report: (String, DatabaseError) -> Void
  ) async throws(DatabaseError) -> [String] {
    var dropped: [String] = []
    for step in RollupStep.allCases {
      let kept = today.advanced(by: 1 - step.retentionDays(settings) - step.partitionDays)
      dropped += try await drop(report) { session throws(DatabaseError) in
        try await session.rows(RollupPartitionStatements.expired, "_\(step.rawValue)", kept)
      }
    }
    return dropped
  }
}
