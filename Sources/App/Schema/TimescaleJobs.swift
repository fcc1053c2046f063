// The state of TimescaleDB's jobs for the program's hypertables: which jobs fail, and whether PostgreSQL has enough
// processes for them.

import Protocol

/// A job whose last run failed.
struct FailedJob: SQLRow, Hashable {
  let procedure: String
  /// The hypertable, with its schema.
  let table: String
  let failures: Int64
  let lastSuccess: Timestamp?
  /// The error message; nil if our role may not read it.
  let message: String?

  init(from row: inout RowReader) throws(DatabaseError) {
    procedure = try row.read("procedure")
    table = try row.read("table_name")
    failures = try row.read("failures")
    lastSuccess = try row.read("last_success")
    message = try row.read("message")
  }
}

/// The number of background processes that PostgreSQL may start, and the number that it needs.
struct WorkerProcesses: SQLRow, Hashable {
  /// `max_worker_processes`.
  let permitted: Int32
  /// The sum of three processes (TimescaleDB's launcher, its scheduler for our database, and a spare one), the
  /// processes for TimescaleDB's jobs, and the parallel workers of queries.
  let needed: Int32

  /// Advice for people; nil if there are enough processes.
  var advice: String? {
    if permitted >= needed { return nil }
    return """
      max_worker_processes is \(permitted), and TimescaleDB's jobs and parallel queries need \(needed): without a \
      free process chunks are neither compressed nor dropped. Set max_worker_processes = \(needed) and restart PostgreSQL.
      """
  }
}

extension WorkerProcesses {
  init(from row: inout RowReader) throws(DatabaseError) {
    permitted = try row.read("permitted")
    needed = try row.read("needed")
  }
}

extension TimescaleStatements {
  struct Compression: SQLRow {
    /// With its schema.
    let table: String
    let compression: ChunkCompression

    init(from row: inout RowReader) throws(DatabaseError) {
      table = try row.read("table_name")
      compression = ChunkCompression(
        segmentBy: try row.read("segment_by"), orderBy: try row.read("order_by"), chunkDays: try row.read("chunk_days"))
    }
  }

  /// The compression settings of the hypertables, as in `ChunkCompression`.
  static let compression = Statement<Compression>(
    "timescale_compression",
    """
    SELECT (h.hypertable_schema || '.' || h.hypertable_name)::text AS table_name,
      coalesce((SELECT string_agg(s.attname, ', ' ORDER BY s.segmentby_column_index)
        FROM timescaledb_information.compression_settings s WHERE s.hypertable_schema = h.hypertable_schema
          AND s.hypertable_name = h.hypertable_name AND s.segmentby_column_index IS NOT NULL), '') AS segment_by,
      coalesce((SELECT array_agg(s.attname || CASE WHEN s.orderby_asc THEN '' ELSE ' DESC' END
          ORDER BY s.orderby_column_index)
        FROM timescaledb_information.compression_settings s WHERE s.hypertable_schema = h.hypertable_schema
          AND s.hypertable_name = h.hypertable_name AND s.orderby_column_index IS NOT NULL), '{}') AS order_by,
      (SELECT (extract(epoch FROM d.time_interval) / 86400)::int4 FROM timescaledb_information.dimensions d
        WHERE d.hypertable_schema = h.hypertable_schema AND d.hypertable_name = h.hypertable_name
          AND d.dimension_number = 1) AS chunk_days
    FROM timescaledb_information.hypertables h WHERE h.hypertable_schema IN ('metrics', 'rollups')
    """)

  static let failedJobs = Statement<FailedJob>(
    "timescale_failed_jobs",
    """
    SELECT j.proc_name::text AS procedure, (j.hypertable_schema || '.' || j.hypertable_name)::text AS table_name,
      coalesce(s.total_failures, 0) AS failures, nullif(s.last_successful_finish, '-infinity') AS last_success,
      (SELECT concat_ws(' ', e.sqlerrcode, e.err_message) FROM timescaledb_information.job_errors e
        WHERE e.job_id = j.job_id ORDER BY e.start_time DESC LIMIT 1) AS message
    FROM timescaledb_information.jobs j JOIN timescaledb_information.job_stats s USING (job_id)
    WHERE j.hypertable_schema IN ('metrics', 'rollups') AND s.last_run_status = 'Failed'
    ORDER BY 3 DESC, 1, 2
    """)

  static let workers = Statement<WorkerProcesses>(
    "timescale_workers",
    """
    SELECT current_setting('max_worker_processes')::int4 AS permitted,
      (3 + current_setting('timescaledb.max_background_workers')::int4
        + current_setting('max_parallel_workers')::int4)::int4 AS needed
    """)
}
