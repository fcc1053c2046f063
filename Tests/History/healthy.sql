-- A healthy fleet as collectors report it: daily waves, autovacuum, log noise, restarts, a database that goes away and comes
-- back, and lists at the collector's cap of 100. The values follow from the server, the object and the time, so every run
-- makes the same rows. {servers}, {from}, {to} and {step} are replaced: a number, two times, and an interval.
--
-- Server 2 restarts on the third day. Server 3 cannot be reached for two hours of the second day. Server 4 loses the
-- database app for three hours of the fourth day. Server 5 has more tables and statements than fit into a list.

CREATE SCHEMA history;

-- Each server and time at which its collector looks; `up` is false while the collector cannot reach PostgreSQL.
CREATE TABLE history.sample AS
SELECT s AS server, t AS time, extract(epoch FROM t)::float8 AS seconds,
  NOT (s = 3 AND t >= '{from}'::timestamptz + interval '26 hours' AND t < '{from}'::timestamptz + interval '28 hours') AS up,
  NOT (s = 4 AND t >= '{from}'::timestamptz + interval '80 hours' AND t < '{from}'::timestamptz + interval '83 hours') AS app_up,
  CASE WHEN s = 2 AND t >= '{from}'::timestamptz + interval '58 hours'
    THEN '{from}'::timestamptz + interval '58 hours' ELSE '{from}'::timestamptz - interval '9 days' END AS boot
FROM generate_series(1, {servers}) AS s,
  generate_series('{from}'::timestamptz, '{to}'::timestamptz, interval '{step}') AS t;

-- A number from 0 to 1 that follows from its arguments.
CREATE FUNCTION history.noise(a float8, b float8, c float8 DEFAULT 0) RETURNS float8 LANGUAGE sql IMMUTABLE AS
$$ SELECT abs(sin(a * 12.9898 + b * 78.233 + c * 37.719)) $$;

-- The work from the start of the epoch to a time, in seconds of mean load: the load is 1.6 in the afternoon and 0.4 at night.
CREATE FUNCTION history.work(seconds float8) RETURNS float8 LANGUAGE sql IMMUTABLE AS
$$ SELECT seconds - 0.6 * 86400 / (2 * pi()) * cos(2 * pi() * (seconds / 86400 - 0.35)) $$;

CREATE FUNCTION history.load(seconds float8) RETURNS float8 LANGUAGE sql IMMUTABLE AS
$$ SELECT 1 + 0.6 * sin(2 * pi() * (seconds / 86400 - 0.35)) $$;

CREATE FUNCTION history.text_id(value text) RETURNS int8 LANGUAGE sql IMMUTABLE AS $$ SELECT hashtextextended(value, 1) $$;
CREATE FUNCTION history.object_id(kind text, VARIADIC key text[]) RETURNS int8 LANGUAGE sql IMMUTABLE AS
$$ SELECT hashtextextended(kind || '|' || array_to_string(key, '|'), 2) $$;

-- The work of a server since its boot.
ALTER TABLE history.sample ADD COLUMN work float8;
UPDATE history.sample SET work = history.work(seconds) - history.work(extract(epoch FROM boot)::float8);

ANALYZE history.sample;

INSERT INTO pganalytics.servers (id, name, hostname, created_at, last_seen_at) OVERRIDING SYSTEM VALUE
SELECT s, 'db-' || s, 'db-' || s, '{from}'::timestamptz - interval '9 days', '{to}'::timestamptz
FROM generate_series(1, {servers}) AS s;
INSERT INTO pganalytics.collectors (id, server_id, name, hostname, last_seen_at)
SELECT ('00000000-0000-4000-8000-' || lpad(s::text, 12, '0'))::uuid, s, 'db-' || s, 'db-' || s, '{to}'::timestamptz
FROM generate_series(1, {servers}) AS s;
INSERT INTO pganalytics.collector_certificates (serial, collector_id, fingerprint, issued_at, not_before, not_after)
SELECT lpad(s::text, 16, '0'), ('00000000-0000-4000-8000-' || lpad(s::text, 12, '0'))::uuid, 'f' || s,
  '{from}'::timestamptz - interval '9 days', '{from}'::timestamptz - interval '9 days', '{to}'::timestamptz + interval '300 days'
FROM generate_series(1, {servers}) AS s;

-- Texts: databases, statements, messages, definitions.
CREATE TABLE history.statement AS
SELECT n, 'SELECT v FROM t' || n || ' WHERE id = $1' AS text,
  history.text_id('SELECT v FROM t' || n || ' WHERE id = $1') AS text_id, 1000 + n AS hash,
  1.0 / (1 + n) AS weight, 2.0 + n % 7 * 3 AS mean FROM generate_series(1, 110) AS n;
CREATE TABLE history.message AS
SELECT n, CASE WHEN n % 9 = 0 THEN 'ERROR' WHEN n % 9 = 1 THEN 'WARNING' WHEN n % 9 = 2 THEN 'FATAL' ELSE 'LOG' END AS level,
  CASE WHEN n % 9 = 0 THEN 'duplicate key value violates unique constraint "t' || n || '_pkey"'
    WHEN n % 9 = 2 THEN 'connection to client lost ' || n
    WHEN n % 9 = 1 THEN 'there is no transaction in progress ' || n ELSE 'checkpoint complete: wrote ' || n || ' buffers' END AS text
FROM generate_series(1, 90) AS n;
INSERT INTO pganalytics.texts (server_id, text_id, value)
SELECT s, history.text_id(v), v
FROM generate_series(1, {servers}) AS s,
  (SELECT text AS v FROM history.statement UNION ALL SELECT text FROM history.message
   UNION ALL SELECT unnest(ARRAY['app', 'postgres', 'UPDATE t1 SET v = $1', 'id', 'deadlock detected', '',
     'SELECT count(*) FROM events', 'SELECT * FROM report',
     'track planning and execution statistics of all SQL statements executed', 'PL/pgSQL procedural language']) AS v) AS v
ON CONFLICT DO NOTHING;

-- Tables with their indexes. All servers have 12; server 5 has 130, of which a list shows 100.
CREATE TABLE history.relation AS
SELECT s AS server, n, 't' || n AS name, 200000.0 + 150000 * (n % 5) AS live, 3.0 + n % 6 AS vacuum_hours, 2.0 + n % 4 AS analyze_hours,
  history.object_id('pg_stats_tables', 'public', 't' || n) AS stats_id, history.object_id('pg_cache_tables', 'public', 't' || n) AS cache_id
FROM generate_series(1, {servers}) AS s, LATERAL generate_series(1, CASE WHEN s = 5 THEN 130 ELSE 12 END) AS n;
INSERT INTO pganalytics.objects (server_id, object_id, kind, name, key)
SELECT server, history.object_id(kind, VARIADIC key), kind, array_to_string(key, '.'), key
FROM (
  SELECT server, 'pg_stats_tables' AS kind, ARRAY['public', name] AS key FROM history.relation
  UNION ALL SELECT server, 'pg_bloat_tables', ARRAY['public', name] FROM history.relation
  UNION ALL SELECT server, 'pg_cache_tables', ARRAY['public', name] FROM history.relation
  UNION ALL SELECT server, 'pg_schema_tables', ARRAY['public', name] FROM history.relation WHERE n <= 12
  UNION ALL SELECT server, 'pg_schema_columns', ARRAY['public', name, c] FROM history.relation, unnest(ARRAY['id', 'v', 'note']) AS c WHERE n <= 12
  UNION ALL SELECT server, 'pg_schema_constraints', ARRAY['public', name, name || '_pkey'] FROM history.relation WHERE n <= 12
  UNION ALL SELECT server, 'pg_schema_indexes', ARRAY['public', name, name || i] FROM history.relation, unnest(ARRAY['_pkey', '_v']) AS i WHERE n <= 12
  UNION ALL SELECT server, 'pg_stats_indexes', ARRAY['public', name, name || i] FROM history.relation, unnest(ARRAY['_pkey', '_v']) AS i WHERE n <= 50
  UNION ALL SELECT s, 'pg_extensions', ARRAY[e] FROM generate_series(1, {servers}) AS s, unnest(ARRAY['pg_stat_statements', 'plpgsql']) AS e
  UNION ALL SELECT s, 'disk_usage', ARRAY[d, ''] FROM generate_series(1, {servers}) AS s, unnest(ARRAY['/dev/vda', '/dev/vdb']) AS d
  UNION ALL SELECT s, 'sysstat_disk_io', ARRAY['vda'] FROM generate_series(1, {servers}) AS s
  UNION ALL SELECT s, 'pg_replication_slots', ARRAY['slot1'] FROM generate_series(1, {servers}, 3) AS s
  UNION ALL SELECT s, 'pg_replication_status', ARRAY[a] FROM generate_series(1, {servers}, 3) AS s, unnest(ARRAY['standby1', 'standby2']) AS a
  UNION ALL SELECT s, 'pg_replication_wraparound', ARRAY[d] FROM generate_series(1, {servers}) AS s, unnest(ARRAY['app', 'postgres']) AS d
) AS o ON CONFLICT DO NOTHING;
ANALYZE pganalytics.objects;
ANALYZE pganalytics.texts;

-- The databases of each sample; a database that cannot be reached gives zeros and empty lists.
CREATE VIEW history.round AS
SELECT s.*, d.name AS database, history.text_id(d.name) AS database_id, up AND (d.name <> 'app' OR app_up) AS there
FROM history.sample s, (VALUES ('app'), ('postgres')) AS d(name);

INSERT INTO metrics.pg_stats (time, server_id, database_id, size_bytes, transactions_committed, transactions_rolledback,
  tuples_returned, tuples_fetched, tuples_inserted, tuples_updated, tuples_deleted)
SELECT time, server, database_id, v.size, (40 * v.k)::int8, (0.1 * v.k)::int8, (900 * v.k)::int8, (300 * v.k)::int8, (12 * v.k)::int8,
  (9 * v.k)::int8, (2 * v.k)::int8
FROM history.round, LATERAL (SELECT CASE WHEN there THEN work ELSE 0 END AS k,
  CASE WHEN there THEN 40e9::int8 + (work * 100)::int8 % 1000000000 ELSE 0 END AS size) AS v;

-- Autovacuum removes dead rows when they are a fifth of the table, and analyzes it at a tenth.
INSERT INTO metrics.pg_stats_tables (time, server_id, database_id, object_id, live_tuples, dead_tuples, modified_since_analyze,
  size_bytes, vacuum_count, autovacuum_count, last_autovacuum, last_autoanalyze)
SELECT time, server, database_id, r.stats_id, r.live::int8,
  (r.live * 0.2 * v.part)::int8, (r.live * 0.1 * a.part)::int8, (r.live * 120)::int8, 0, floor(seconds / (r.vacuum_hours * 3600))::int8,
  time - v.part * r.vacuum_hours * interval '1 hour', time - a.part * r.analyze_hours * interval '1 hour'
FROM history.round JOIN history.relation r USING (server),
  LATERAL (SELECT (seconds / (r.vacuum_hours * 3600))::numeric % 1 AS part) AS v,
  LATERAL (SELECT (seconds / (r.analyze_hours * 3600))::numeric % 1 AS part) AS a
WHERE there AND database = 'app' AND (r.server <> 5 OR (r.n + floor(seconds / 3600)::int) % 130 < 100);

CREATE TABLE history.index AS
SELECT r.server, r.n, history.object_id('pg_stats_indexes', 'public', r.name, r.name || i.suffix) AS id,
  -- The key of t3 and the second index of t4 are never used: one is needed all the same, the other is small.
  CASE WHEN r.n = 3 AND i.suffix = '_pkey' OR r.n = 4 AND i.suffix = '_v' THEN 0.0 ELSE 3.0 / (1 + r.n) END AS scans,
  CASE WHEN r.n = 3 THEN 4000000000 ELSE 30000000 END AS size
FROM history.relation r, (VALUES ('_pkey'), ('_v')) AS i(suffix) WHERE r.n <= 6 OR r.server = 5 AND r.n <= 50;

INSERT INTO metrics.pg_stats_indexes (time, server_id, database_id, object_id, scans, tuples_read, tuples_returned, size_bytes, status)
SELECT time, server, database_id, i.id, (work * i.scans)::int8, (work * i.scans)::int8, (work * i.scans)::int8, i.size,
  CASE WHEN i.scans = 0 THEN 'UNUSED' ELSE 'USED' END
FROM history.round JOIN history.index i USING (server) WHERE there AND database = 'app';

-- The collector repeats one list of statements under both databases, a second apart.
INSERT INTO metrics.pg_query_stats (time, server_id, database_id, hash, text_id, calls, rows, total_time, mean_time, min_time, max_time,
  stddev_time, shared_blks_hit, shared_blks_read, shared_blks_dirtied, shared_blks_written, local_blks_hit, local_blks_read,
  local_blks_dirtied, local_blks_written, temp_blks_read, temp_blks_written, blk_read_time, blk_write_time, wal_records, wal_fpi, wal_bytes, statements)
SELECT r.time + CASE WHEN r.database = 'app' THEN interval '0' ELSE interval '1 second' END, r.server, r.database_id, q.hash, q.text_id, c.calls, c.calls * 3,
  c.calls * c.mean, c.mean, q.mean / 10, q.mean * 20, q.mean / 2, c.calls * 40, c.calls / 2, c.calls / 20, 0, 0, 0, 0, 0, c.calls / 50, c.calls / 50, 0, 0,
  c.calls / 10, c.calls / 1000, c.calls * 200, 1
FROM history.round r JOIN history.statement q ON q.n <= CASE WHEN r.server = 5 THEN 110 ELSE 12 END,
  LATERAL (SELECT greatest(1, floor((r.work + 30 * history.noise(r.server, q.n, floor(r.seconds / 300))) * 20 * q.weight))::int8 AS calls,
    -- The mean of all calls since the boot wavers little.
    q.mean * (1 + 0.02 * history.noise(r.server, q.n)) AS mean) AS c
WHERE r.up AND (r.server <> 5 OR (q.n + floor(r.seconds / 7200)::int) % 110 < 100);

INSERT INTO metrics.pg_cache_tables (time, server_id, database_id, object_id, heap_blks_hit, heap_blks_read, total_heap_blks,
  heap_cache_hit_ratio, idx_blks_hit, idx_blks_read, total_idx_blks, idx_cache_hit_ratio, toast_blks_hit, toast_blks_read, tidx_blks_hit, tidx_blks_read)
SELECT time, server, database_id, r.cache_id, (work * 900)::int8, (work * 12)::int8,
  (work * 912)::int8, 98.7, (work * 500)::int8, work::int8, (work * 501)::int8, 99.8, 0, 0, 0, 0
FROM history.round JOIN history.relation r USING (server) WHERE there AND database = 'app' AND r.n <= 12;

-- The host: processor, memory, disks. One file system fills slowly and is cleaned up each day.
INSERT INTO metrics.sysstat (time, server_id, cpu_user, cpu_system, cpu_idle, cpu_iowait, cpu_load_1m, cpu_load_5m, cpu_load_15m,
  memory_total_mb, memory_free_mb, memory_cached_mb, memory_used_mb)
SELECT time, server, 20, 4, 75, 1, history.load(seconds) * 2, history.load(seconds) * 2, history.load(seconds) * 2, 65536, 2000, 50000, 13536
FROM history.sample;
INSERT INTO metrics.sysstat_disk_io (time, server_id, object_id, read_ops, write_ops, read_sectors, write_sectors)
SELECT time, server, history.object_id('sysstat_disk_io', 'vda'), (work * 30)::int8, (work * 80)::int8, (work * 400)::int8, (work * 2000)::int8
FROM history.sample;
INSERT INTO metrics.disk_usage (time, server_id, object_id, total_gb, used_gb, free_gb, percent_used)
SELECT time, server, history.object_id('disk_usage', d, ''), 500, u.used::int8, 500 - u.used::int8, u.used / 5
FROM history.sample, unnest(ARRAY['/dev/vda', '/dev/vdb']) AS d,
  LATERAL (SELECT CASE d WHEN '/dev/vda' THEN 200 + 15 * ((seconds / 86400)::numeric % 1)::float8 ELSE 300 END AS used) AS u;

-- Replication. While PostgreSQL cannot be reached, the numbers are zero and the lists are empty.
INSERT INTO metrics.pg_replication_wal (time, server_id, total_segments, current_wal_size_mb, wal_directory_size_mb,
  segments_since_checkpoint, growth_rate_mb_per_hour)
SELECT time, server, CASE WHEN up THEN 64 ELSE 0 END, CASE WHEN up THEN 1024 ELSE 0 END, CASE WHEN up THEN 1024 ELSE 0 END,
  CASE WHEN up THEN (seconds / 60)::int8 % 20 ELSE 0 END, CASE WHEN up THEN 800 * history.load(seconds) ELSE 0 END
FROM history.sample;
INSERT INTO metrics.pg_replication_status (time, server_id, object_id, server_pid, usename, state, sync_state, write_lsn, flush_lsn,
  replay_lsn, write_lag_ms, flush_lag_ms, replay_lag_ms, behind_by_mb, client_addr, backend_start)
SELECT time, server, history.object_id('pg_replication_status', a), 4000 + length(a), 'replicator', 'streaming', 'async', '0/1', '0/1', '0/1',
  2, 3, (20 * history.noise(server, seconds))::int8, 0, '10.0.0.9', boot
FROM history.sample, unnest(ARRAY['standby1', 'standby2']) AS a WHERE up AND server % 3 = 1;
INSERT INTO metrics.pg_replication_slots (time, server_id, object_id, slot_type, active, restart_lsn, wal_retained_mb, plugin_active,
  backend_pid, bytes_retained)
SELECT time, server, history.object_id('pg_replication_slots', 'slot1'), 'physical', true, '0/1', 32, false, 4008, 32 << 20
FROM history.sample WHERE up AND server % 3 = 1;
INSERT INTO metrics.pg_replication_wraparound (time, server_id, object_id, relfrozenxid, current_xid, xid_until_wraparound,
  percent_until_wraparound, at_risk, tables_needing_vacuum, oldest_table_age)
SELECT time, server, history.object_id('pg_replication_wraparound', d), 700, 700 + a.age, 2146483647 - a.age, 100 - a.age / 21464836.0, false, 0, a.age
FROM history.sample, unnest(ARRAY['app', 'postgres']) AS d, LATERAL (SELECT 50000000 + (seconds * 40)::int8 % 100000000 AS age) AS a WHERE up;

-- Sessions, as each database sees them.
INSERT INTO metrics.pg_connections (time, server_id, database_id, total_connections)
SELECT time, server, database_id, CASE WHEN there THEN (20 * history.load(seconds) + 4 * history.noise(server, seconds))::int8 ELSE 0 END
FROM history.round;
INSERT INTO metrics.pg_connections_by_state (time, server_id, database_id, database, state, count, max_age_seconds, min_age_seconds)
SELECT time, server, database_id, 'app', st.state, greatest(1, st.part * 20 * history.load(seconds))::int8, 600, 0.1
FROM history.round, (VALUES ('active', 0.3), ('idle', 0.6), ('idle in transaction', 0.05)) AS st(state, part) WHERE there;
INSERT INTO metrics.pg_long_running_transactions (time, server_id, database_id, pid, username, database, state, query_id, query_start,
  duration_seconds, application_name, client_address, backend_start)
SELECT time, server, database_id, 5000 + server, 'report', 'app', 'active', history.text_id('SELECT * FROM report'),
  time - l.seconds * interval '1 second', l.seconds, 'report', '10.0.0.5', time - interval '1 hour'
FROM history.round, LATERAL (SELECT 60 + 300 * history.noise(server, round.seconds) AS seconds) AS l
WHERE there AND history.noise(server, round.seconds, 7) < 0.15;
INSERT INTO metrics.pg_idle_transactions (time, server_id, database_id, pid, username, database, state, query_start, state_change,
  idle_time_seconds, application_name, client_address)
SELECT time, server, database_id, 6000 + server, 'app', 'app', 'idle in transaction', time - interval '4 seconds', time - interval '3 seconds', 3, 'app', '10.0.0.6'
FROM history.round WHERE there AND history.noise(server, seconds, 8) < 0.2;
-- Locks: the collector always sees its own.
INSERT INTO metrics.pg_locks (time, server_id, database_id, pid, locktype, mode, granted, usesysid, database, relation, lock_age_seconds, username, state)
SELECT time, server, database_id, 9000 + server, 'relation', 'AccessShareLock', true, 10, 5, 12073, 0, 'pganalytics', 'active'
FROM history.round WHERE there;
INSERT INTO metrics.pg_lock_wait_chains (time, server_id, database_id, blocked_pid, blocked_user, blocking_pid, blocking_user,
  blocked_query_id, blocking_query_id, blocked_application, blocking_application, wait_time_seconds)
SELECT time, server, database_id, 7001, 'app', 7002, 'app', history.text_id('UPDATE t1 SET v = $1'), history.text_id('UPDATE t1 SET v = $1'), 'app', 'app', 0.4
FROM history.round WHERE there AND history.noise(server, seconds, 9) < 0.15;

-- The log. The collector gives each line the same time in 2024, and a line is stored once, in the list it arrives in first.
INSERT INTO metrics.pg_log (time, server_id, database_id, logged_at, level, message_id)
SELECT s.time, s.server, history.text_id('postgres'), '2024-01-01 00:00:00+00', m.level, history.text_id(m.text)
FROM history.sample s, LATERAL generate_series(1, (4 * history.load(s.seconds))::int) AS line,
  history.message m WHERE s.up AND m.n = 1 + floor(90 * history.noise(s.server, s.seconds, line))::int;
-- The first list brings up to 100 lines of the time before, here errors.
INSERT INTO metrics.pg_log (time, server_id, database_id, logged_at, level, message_id)
SELECT '{from}'::timestamptz, s, history.text_id('postgres'), '2024-01-01 00:00:00+00', 'ERROR', history.text_id(CASE WHEN m.n = 1 THEN 'deadlock detected' ELSE m.text END)
FROM generate_series(1, {servers}) AS s, history.message m;

-- Extensions, bloat and the catalogue, which the collector reads each time, too; an hour apart is enough here.
CREATE VIEW history.hour AS SELECT * FROM history.round WHERE (seconds / 60)::int8 % {slow} = 0;
INSERT INTO metrics.pg_extensions (time, server_id, database_id, object_id, version, owner, schema, description_id, relocatable)
SELECT time, server, database_id, history.object_id('pg_extensions', e.name), e.version, 'postgres', 'public', history.text_id(e.description), true
FROM history.hour, (VALUES ('pg_stat_statements', '1.10', 'track planning and execution statistics of all SQL statements executed'),
  ('plpgsql', '1.0', 'PL/pgSQL procedural language')) AS e(name, version, description) WHERE there;
INSERT INTO metrics.pg_bloat_tables (time, server_id, database_id, object_id, dead_tuples, live_tuples, dead_ratio_percent, table_size,
  space_wasted_percent, vacuum_count, autovacuum_count)
SELECT time, server, database_id, history.object_id('pg_bloat_tables', 'public', r.name), (r.live * 0.1)::int8, r.live::int8, 9, '4096 MB', 9 + 4 * history.noise(server, seconds), 0, 3
FROM history.hour JOIN history.relation r USING (server) WHERE there AND database = 'app' AND r.n <= 12;
INSERT INTO metrics.pg_schema_tables (time, server_id, database_id, object_id, type, row_count, total_size_mb, table_size_mb, index_size_mb, toast_size_mb, has_oids, table_oid)
SELECT time, server, database_id, history.object_id('pg_schema_tables', 'public', r.name), 'BASE TABLE', r.live::int8, 40, 25, 15, 0, false, 16000 + r.n
FROM history.hour JOIN history.relation r USING (server) WHERE there AND database = 'app' AND r.n <= 12;
INSERT INTO metrics.pg_schema_columns (time, server_id, database_id, object_id, data_type, is_nullable, default_id, position)
SELECT time, server, database_id, history.object_id('pg_schema_columns', 'public', r.name, c), 'text', true, history.text_id(''), 1
FROM history.hour JOIN history.relation r USING (server), unnest(ARRAY['id', 'v', 'note']) AS c WHERE there AND database = 'app' AND r.n <= 12;
INSERT INTO metrics.pg_schema_constraints (time, server_id, database_id, object_id, type, columns_id)
SELECT time, server, database_id, history.object_id('pg_schema_constraints', 'public', r.name, r.name || '_pkey'), 'PRIMARY KEY', history.text_id('id')
FROM history.hour JOIN history.relation r USING (server) WHERE there AND database = 'app' AND r.n <= 12;
