// The statements of a server's removal. The catalogue tells which tables have rows of a server, so a new table is
// cleared without being named here.

import Protocol

/// The removal of a server, finished or not.
struct ServerRemoval: SQLRow {
  let serverID: Int32
  let name: String
  let hostname: String
  let requestedAt: Timestamp
  /// The table that is being cleared.
  let table: String?
  let rowsRemoved: Int64
  /// Why the last try stopped.
  let failure: String?
  let finishedAt: Timestamp?
}

extension ServerRemoval {
  init(from row: inout RowReader) throws(DatabaseError) {
    serverID = try row.read("server_id")
    name = try row.read("name")
    hostname = try row.read("hostname")
    requestedAt = try row.read("requested_at")
    table = try row.read("at_table")
    rowsRemoved = try row.read("rows_removed")
    failure = try row.read("failure")
    finishedAt = try row.read("finished_at")
  }
}

/// A collector of a server that is to be removed.
struct ServersCollector: SQLRow {
  let id: UUID
  let isRevoked: Bool

  init(from row: inout RowReader) throws(DatabaseError) {
    id = try row.read("id")
    isRevoked = try row.read("is_revoked")
  }
}

/// A table or partition with rows of servers.
struct ServersTable: SQLRow, Equatable {
  /// With its schema, quoted.
  let name: String
  /// Whether an index finds the rows of one server.
  let isIndexed: Bool
  let blocks: Int64

  init(from row: inout RowReader) throws(DatabaseError) {
    name = try row.read("name")
    isIndexed = try row.read("is_indexed")
    blocks = try row.read("blocks")
  }
}

/// A chunk of a hypertable.
struct ServersChunk: SQLRow {
  /// The name of the hypertable, with its schema, quoted.
  let table: String
  let start: Timestamp
  let end: Timestamp

  init(from row: inout RowReader) throws(DatabaseError) {
    table = try row.read("table_name")
    start = try row.read("range_start")
    end = try row.read("range_end")
  }
}

enum ServerRemovalStatements {
  static let all = [
    collectors.description, request.description, endPermits.description, one.description, due.description,
    tables.description, tryLock.description, removeRows.description, removeBlocks.description,
    removeStretch.description, progress.description, failed.description, isSettled.description,
    keepRevocations.description, removeCollectors.description, removeServer.description, finish.description,
    swept.description,
  ]
  /// Only a database with TimescaleDB answers these.
  static let timescale = [removalChunks.description]

  private static let removal = "SELECT \(ServerRemoval.list()) FROM pganalytics.server_removals"

  /// The collectors of a server. Their rows are locked until the end of the transaction, so that nobody revokes them or
  /// lets them enrol again.
  static let collectors = Statement<Int32, ServersCollector>(
    "removal_collectors",
    """
    SELECT id, revoked_at IS NOT NULL AS is_revoked FROM pganalytics.collectors WHERE server_id = $1
    ORDER BY generation DESC, id FOR UPDATE
    """)

  /// Requests a removal; a second request changes nothing. No row if there is no such server. Parameters: server,
  /// seconds for which a push may be in flight after the revocation of its collector.
  static let request = Statement<Int32, Double, SingleValue<Int32>>(
    "removal_request",
    """
    WITH server AS (SELECT id, name, hostname FROM pganalytics.servers WHERE id = $1),
    added AS (
      INSERT INTO pganalytics.server_removals (server_id, name, hostname, settles_at)
      SELECT id, name, hostname,
        coalesce((SELECT max(c.revoked_at) FROM pganalytics.collectors c WHERE c.server_id = $1), now())
          + make_interval(secs => $2)
      FROM server ON CONFLICT (server_id) DO NOTHING)
    SELECT id FROM server
    """)

  /// Makes the revocation of a server's collectors final.
  static let endPermits = Statement<Int32, NoRow>(
    "removal_end_permits",
    "UPDATE pganalytics.collectors SET is_final = true, enrolment_permitted_until = NULL WHERE server_id = $1")

  static let one = Statement<Int32, ServerRemoval>("removal_one", removal + " WHERE server_id = $1")

  /// The unfinished removals, the oldest first. Then those finished within the last day that were not checked for an
  /// hour: another pganalytics server may have learnt late of the revocation and stored a push.
  static let due = Statement<ServerRemoval>(
    "removal_due",
    removal + """
       WHERE finished_at IS NULL
        OR finished_at > now() - interval '1 day' AND swept_at < now() - interval '1 hour'
      ORDER BY finished_at IS NOT NULL, requested_at, server_id
      """)

  /// The tables with rows of servers. `rollup_pending` comes first, so that nothing is rolled up from rows that are
  /// being removed. `collectors` and `server_removals` are excluded, because the removal itself needs them. Findings are excluded: the
  /// evaluation ends them and removes them a day later, so that their endings can be notified. A silence is what a
  /// person wants, and stays.
  static let tables = Statement<ServersTable>(
    "removal_tables",
    """
    SELECT format('%I.%I', n.nspname, c.relname) AS name,
      EXISTS (SELECT 1 FROM pg_index i WHERE i.indrelid = c.oid AND i.indisvalid AND i.indpred IS NULL
        AND i.indkey[0] = a.attnum) AS is_indexed,
      pg_relation_size(c.oid) / current_setting('block_size')::int8 + 1 AS blocks
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'server_id' AND a.attnum > 0 AND NOT a.attisdropped
    WHERE n.nspname IN ('pganalytics', 'metrics', 'rollups') AND c.relkind = 'r'
      AND NOT (n.nspname = 'pganalytics' AND c.relname IN ('collectors', 'server_removals', 'findings', 'silences'))
    ORDER BY c.relname = 'rollup_pending' DESC, n.nspname, c.relname
    """)

  /// Allows only one step at a time over all servers, until the end of the transaction.
  static let tryLock = Statement<Int64, SingleValue<Bool>>("removal_lock", "SELECT pg_try_advisory_xact_lock($1)")

  /// Parameters: table, server, largest number of rows. - Returns: the number of removed rows.
  static let removeRows = Statement<String, Int32, Int64, SingleValue<Int64>>(
    "removal_rows", "SELECT pganalytics.remove_server_rows($1::text::regclass, $2, $3)")

  /// Parameters: table, server, first block, number of blocks.
  static let removeBlocks = Statement<String, Int32, Int64, Int64, SingleValue<Int64>>(
    "removal_blocks", "SELECT pganalytics.remove_server_blocks($1::text::regclass, $2, $3, $4)")

  /// Parameters: hypertable, server, first time, end (excluded).
  static let removeStretch = Statement<String, Int32, Timestamp, Timestamp, SingleValue<Int64>>(
    "removal_stretch", "SELECT pganalytics.remove_server_stretch($1::text::regclass, $2, $3, $4)")

  /// Parameters: server, table, rows removed in this step.
  static let progress = Statement<Int32, String, Int64, NoRow>(
    "removal_progress",
    """
    UPDATE pganalytics.server_removals SET at_table = $2, rows_removed = rows_removed + $3::int8, failure = NULL
    WHERE server_id = $1 AND (at_table IS DISTINCT FROM $2 OR $3::int8 > 0 OR failure IS NOT NULL)
    """)

  /// Parameters: server, the error.
  static let failed = Statement<Int32, String, NoRow>(
    "removal_failed", "UPDATE pganalytics.server_removals SET failure = $2 WHERE server_id = $1")

  /// Whether no push can be in flight any more. (A request in the future counts as long ago: the clock was set back.)
  static let isSettled = Statement<Int32, SingleValue<Bool>>(
    "removal_is_settled",
    """
    SELECT EXISTS (SELECT 1 FROM pganalytics.server_removals
      WHERE server_id = $1 AND (settles_at <= now() OR requested_at > now()))
    """)

  static let keepRevocations = Statement<Int32, NoRow>(
    "removal_keep_revocations",
    """
    INSERT INTO pganalytics.ended_certificates (serial, authority, revoked_at, not_after)
    SELECT k.serial, k.authority, k.revoked_at, k.not_after
    FROM pganalytics.collector_certificates k JOIN pganalytics.collectors c ON c.id = k.collector_id
    WHERE c.server_id = $1 AND k.revoked_at IS NOT NULL AND k.not_after > now()
    ON CONFLICT (serial) DO NOTHING
    """)

  /// Deletes the collectors with their certificates, configurations and rejects.
  static let removeCollectors = Statement<Int32, NoRow>(
    "removal_collectors_go", "DELETE FROM pganalytics.collectors WHERE server_id = $1")

  static let removeServer = Statement<Int32, NoRow>(
    "removal_server_goes", "DELETE FROM pganalytics.servers WHERE id = $1")

  static let finish = Statement<Int32, NoRow>(
    "removal_finish",
    """
    UPDATE pganalytics.server_removals SET at_table = NULL, failure = NULL, finished_at = now(), swept_at = now()
    WHERE server_id = $1
    """)

  static let swept = Statement<Int32, NoRow>(
    "removal_swept",
    "UPDATE pganalytics.server_removals SET at_table = NULL, failure = NULL, swept_at = now() WHERE server_id = $1")

  /// Every chunk that holds rows of servers, the oldest first.
  static let removalChunks = Statement<ServersChunk>(
    "timescale_removal_chunks",
    """
    SELECT format('%I.%I', hypertable_schema, hypertable_name) AS table_name,
      coalesce(range_start, '-infinity') AS range_start, coalesce(range_end, 'infinity') AS range_end
    FROM timescaledb_information.chunks
    WHERE hypertable_schema IN ('metrics', 'rollups') ORDER BY 2, 1
    """)
}
