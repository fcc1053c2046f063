-- What goes wrong in the week of healthy.sql, so that each check opens one finding and ends it. Servers 1 and 4 have standbys,
-- server 6 has none. {from} is replaced by the start of the week.

CREATE FUNCTION history.at(hours float8) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS
$$ SELECT '{from}'::timestamptz + hours * interval '1 hour' $$;

-- The seconds of a span of hours that have passed at a time.
CREATE FUNCTION history.passed(moment timestamptz, first float8, last float8) RETURNS float8 LANGUAGE sql IMMUTABLE AS
$$ SELECT greatest(0, least(3600 * (last - first), extract(epoch FROM moment - history.at(first)))) $$;

-- silent_collector: server 6 sends nothing for an hour.
DO $$
DECLARE name text;
BEGIN
  FOR name IN SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'metrics'
    AND c.relkind IN ('r', 'p') AND NOT c.relispartition LOOP
    EXECUTE format('DELETE FROM metrics.%I WHERE server_id = 6 AND time > history.at(26) AND time < history.at(27)', name);
  END LOOP;
END $$;

-- certificate_expiry: server 1 renews its certificate a day late.
UPDATE pganalytics.collector_certificates SET not_after = history.at(144) WHERE serial = lpad('1', 16, '0');
INSERT INTO pganalytics.collector_certificates (serial, collector_id, fingerprint, issued_at, not_before, not_after)
SELECT 'renewed', id, 'renewed', history.at(96), history.at(96), history.at(9600) FROM pganalytics.collectors WHERE server_id = 1;

-- rejects
INSERT INTO pganalytics.collector_rejects (collector_id, code, metric_type, total, last_at, last_push, last_message)
SELECT id, 'too_old', 'pg_log', 3, history.at(48), id, 'the time is too old' FROM pganalytics.collectors WHERE server_id = 6;

-- disk_full, disk_full_soon
UPDATE metrics.disk_usage SET percent_used = 97, used_gb = 485, free_gb = 15
WHERE server_id = 6 AND object_id = history.object_id('disk_usage', '/dev/vdb', '') AND time >= history.at(50) AND time < history.at(52);
UPDATE metrics.disk_usage SET percent_used = 60 + history.passed(time, 48, 120) / 86400 * 10
WHERE server_id = 1 AND object_id = history.object_id('disk_usage', '/dev/vda', '') AND time >= history.at(48) AND time < history.at(120);

-- xid_age
UPDATE metrics.pg_replication_wraparound SET current_xid = relfrozenxid + 1100000000, oldest_table_age = 1100000000,
  xid_until_wraparound = 1046483647
WHERE server_id = 1 AND object_id = history.object_id('pg_replication_wraparound', 'app') AND time >= history.at(30) AND time < history.at(35);

-- long_transaction, idle_in_transaction
INSERT INTO metrics.pg_long_running_transactions (time, server_id, database_id, pid, username, database, state, query_id, query_start,
  duration_seconds, application_name, client_address, backend_start)
SELECT time, server, database_id, 4711, 'batch', 'app', 'active', history.text_id('SELECT * FROM report'), history.at(34),
  extract(epoch FROM time - history.at(34)), 'batch', '10.0.0.7', history.at(34)
FROM history.round WHERE server = 6 AND time > history.at(34) AND time < history.at(36);
INSERT INTO metrics.pg_idle_transactions (time, server_id, database_id, pid, username, database, state, query_start, state_change,
  idle_time_seconds, application_name, client_address)
SELECT time, server, database_id, 4712, 'app', 'app', 'idle in transaction', history.at(38), history.at(38),
  extract(epoch FROM time - history.at(38)), 'app', '10.0.0.7'
FROM history.round WHERE server = 6 AND time > history.at(38) AND time < history.at(40);

-- connections_near_limit: this collector reports max_connections.
UPDATE metrics.pg_connections SET extra = '{"max_connections": 100}' WHERE server_id = 6;
UPDATE metrics.pg_connections_by_state SET count = 90 WHERE server_id = 6 AND state = 'idle' AND time >= history.at(42) AND time < history.at(43);

-- blocked_sessions
INSERT INTO metrics.pg_lock_wait_chains (time, server_id, database_id, blocked_pid, blocked_user, blocking_pid, blocking_user,
  blocked_query_id, blocking_query_id, blocked_application, blocking_application, wait_time_seconds)
SELECT time, server, database_id, 4720, 'app', 4721, 'app', history.text_id('UPDATE t1 SET v = $1'), history.text_id('UPDATE t1 SET v = $1'), 'app', 'app',
  60 + extract(epoch FROM time - history.at(44))
FROM history.round WHERE server = 6 AND time >= history.at(44) AND time < history.at(45);

-- blocking_chain: 4731 waits for 4730, 4732 for 4731, and 4733 for 4732.
INSERT INTO metrics.pg_locks (time, server_id, database_id, pid, locktype, mode, granted, usesysid, database, relation, lock_age_seconds, username, state)
SELECT r.time, r.server, r.database_id, 4730 + n + p, 'relation', 'AccessExclusiveLock', p = 0, 10, 5, 20000 + n, 5, 'app', 'active'
FROM history.round r, generate_series(0, 2) AS n, generate_series(0, 1) AS p WHERE server = 1 AND time >= history.at(46) AND time < history.at(47);
INSERT INTO metrics.pg_lock_wait_chains (time, server_id, database_id, blocked_pid, blocked_user, blocking_pid, blocking_user,
  blocked_query_id, blocking_query_id, blocked_application, blocking_application, wait_time_seconds)
SELECT r.time, r.server, r.database_id, 4731 + n, 'app', 4730 + n, 'app', history.text_id('UPDATE t1 SET v = $1'), history.text_id('UPDATE t1 SET v = $1'), 'app', 'app', 5
FROM history.round r, generate_series(0, 2) AS n WHERE server = 1 AND time >= history.at(46) AND time < history.at(47);

-- replication_lag, slot_retention, inactive_slot, standby_gone
UPDATE metrics.pg_replication_status SET replay_lag_ms = 120000
WHERE server_id = 4 AND object_id = history.object_id('pg_replication_status', 'standby1') AND time >= history.at(50) AND time < history.at(51);
UPDATE metrics.pg_replication_slots SET bytes_retained = 20000000000, wal_retained_mb = 19073
WHERE server_id = 1 AND time >= history.at(53) AND time < history.at(54);
UPDATE metrics.pg_replication_slots SET active = false WHERE server_id = 4 AND time >= history.at(120) AND time < history.at(123);
DELETE FROM metrics.pg_replication_status
WHERE server_id = 1 AND object_id = history.object_id('pg_replication_status', 'standby2') AND time >= history.at(124) AND time < history.at(126);

-- wal_storm, temp_files, cache_hit_collapse: one statement of server 6 writes and reads much, at different times.
UPDATE metrics.pg_query_stats SET wal_bytes = wal_bytes + (30e6 * history.passed(time, 56, 57))::int8,
  temp_blks_written = temp_blks_written + (5000 * history.passed(time, 60, 61))::int8,
  shared_blks_read = shared_blks_read + (5000 * history.passed(time, 64, 65))::int8
WHERE server_id = 6 AND hash = 1001;

-- slow_query: a call takes five times as long for an hour.
UPDATE metrics.pg_query_stats q SET total_time = q.total_time + 4 * 17 * (least(q.calls, s.until) - s.since)
FROM (SELECT max(calls) FILTER (WHERE time <= history.at(70)) AS since, max(calls) FILTER (WHERE time <= history.at(71)) AS until
  FROM metrics.pg_query_stats WHERE server_id = 6 AND hash = 1005) AS s
WHERE q.server_id = 6 AND q.hash = 1005 AND q.time > history.at(70);

-- new_top_query: a statement that nobody ran before, for six hours.
INSERT INTO metrics.pg_query_stats (time, server_id, database_id, hash, text_id, calls, rows, total_time, mean_time, shared_blks_hit, shared_blks_read,
  temp_blks_read, temp_blks_written, wal_bytes, statements)
SELECT time + CASE WHEN database = 'app' THEN interval '0' ELSE interval '1 second' END, server, database_id, 9999,
  history.text_id('SELECT count(*) FROM events'), (history.passed(time, 96, 102) / 10)::int8, 1, history.passed(time, 96, 102) * 200, 2000, 0, 0, 0, 0, 0, 1
FROM history.round WHERE server = 6 AND time > history.at(96) AND time < history.at(102);

-- dead_rows_growth, autovacuum_overdue, stale_statistics
UPDATE metrics.pg_stats_tables SET dead_tuples = 70000 + (history.passed(time, 60, 66) * 60000 / 3600)::int8, last_autovacuum = time - interval '1 minute'
WHERE server_id = 6 AND object_id = history.object_id('pg_stats_tables', 'public', 't1') AND time >= history.at(60) AND time < history.at(66);
-- The dead rows of t2 do not grow: there were as many for some hours, and then many more at once.
UPDATE metrics.pg_stats_tables SET dead_tuples = CASE WHEN time >= history.at(72) THEN 250000 ELSE 90000 END, last_autovacuum = history.at(69)
WHERE server_id = 1 AND object_id = history.object_id('pg_stats_tables', 'public', 't2') AND time >= history.at(68) AND time < history.at(78);
UPDATE metrics.pg_stats_tables SET modified_since_analyze = 400000, last_autoanalyze = history.at(76)
WHERE server_id = 1 AND object_id = history.object_id('pg_stats_tables', 'public', 't3') AND time >= history.at(80) AND time < history.at(86);

-- unused_large_index: used again after six and a half days.
UPDATE metrics.pg_stats_indexes SET size_bytes = 4000000000, scans = CASE WHEN time >= history.at(156) THEN 10 ELSE 0 END
WHERE server_id = 6 AND object_id = history.object_id('pg_stats_indexes', 'public', 't4', 't4_v');

-- bloat
UPDATE metrics.pg_bloat_tables SET space_wasted_percent = 60
WHERE server_id = 6 AND object_id = history.object_id('pg_bloat_tables', 'public', 't5') AND time >= history.at(88) AND time < history.at(91);

-- schema_change: a new column.
INSERT INTO pganalytics.objects (server_id, object_id, kind, name, key)
VALUES (6, history.object_id('pg_schema_columns', 'public', 't1', 'added'), 'pg_schema_columns', 'public.t1.added', ARRAY['public', 't1', 'added']);
INSERT INTO metrics.pg_schema_columns (time, server_id, database_id, object_id, data_type, is_nullable, default_id, position)
SELECT time, server, database_id, history.object_id('pg_schema_columns', 'public', 't1', 'added'), 'int4', true, history.text_id(''), 4
FROM history.hour WHERE server = 6 AND database = 'app' AND time >= history.at(92);

-- extension_out_of_date: 1.9 is older than 1.10.
UPDATE metrics.pg_extensions SET version = '1.9'
WHERE server_id = 1 AND database_id = history.text_id('app') AND object_id = history.object_id('pg_extensions', 'pg_stat_statements')
  AND time >= history.at(94) AND time < history.at(97);

-- error_burst, deadlocks
INSERT INTO metrics.pg_log (time, server_id, database_id, logged_at, level, message_id)
SELECT s.time, s.server, history.text_id('postgres'), '2024-01-01 00:00:00+00', 'ERROR', history.text_id(m.text)
FROM history.sample s, history.message m WHERE s.server = 6 AND m.n <= 80 AND s.time >= history.at(106) AND s.time < history.at(106.5);
INSERT INTO metrics.pg_log (time, server_id, database_id, logged_at, level, message_id)
SELECT s.time, s.server, history.text_id('postgres'), '2024-01-01 00:00:00+00', 'ERROR', history.text_id('deadlock detected')
FROM history.sample s WHERE s.server = 1 AND s.time = history.at(108);
