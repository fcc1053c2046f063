-- Hosts that enrol again, servers that are removed, lock-outs by address, and what was rejected of a collector's pushes.

-- What becomes of a host that enrols again with this secret. Null: as the setting `reenrolment` says.
ALTER TABLE pganalytics.registration_secrets
  ADD COLUMN reenrolment text CHECK (reenrolment IN ('permit', 'replace', 'new'));

-- A server may have several collectors one after the other: the one of the highest generation enrolled last, and ends
-- those below it with its first push.
ALTER TABLE pganalytics.collectors DROP CONSTRAINT collectors_server_id_key;
ALTER TABLE pganalytics.collectors
  ADD COLUMN generation int4 NOT NULL DEFAULT 0,
  -- Nothing undoes the revocation: the server is being removed.
  ADD COLUMN is_final bool NOT NULL DEFAULT false,
  -- The first time that somebody came with the identity that was given last. Null: nobody has, its answer may be lost.
  ADD COLUMN used_at timestamptz,
  -- The last enrolment: when, with which registration secret, from which address, for which key (SHA-256, hex).
  ADD COLUMN enrolled_at timestamptz,
  ADD COLUMN enrolled_with uuid,
  ADD COLUMN enrolled_from text,
  ADD COLUMN enrolled_key text;
UPDATE pganalytics.collectors SET used_at = coalesce(last_seen_at, registered_at), enrolled_at = registered_at;
CREATE INDEX collectors_server ON pganalytics.collectors (server_id, generation);
CREATE INDEX collectors_host ON pganalytics.collectors (hostname, name);

-- Servers that are to go with all their rows, and those that are gone: what is left to do after a crash. No foreign key, for
-- the row outlives the server's.
CREATE TABLE pganalytics.server_removals (
  server_id    int4 PRIMARY KEY,
  name         text NOT NULL,
  hostname     text NOT NULL,
  requested_at timestamptz NOT NULL DEFAULT now(),
  -- Until then a push that was in flight at the revocation may still be stored.
  settles_at   timestamptz NOT NULL,
  -- The table that is being cleared.
  at_table     text,
  rows_removed int8 NOT NULL DEFAULT 0,
  -- Why the last try stopped.
  failure      text,
  finished_at  timestamptz,
  -- When it was last looked for rows that came after the end.
  swept_at     timestamptz
);
CREATE INDEX server_removals_open ON pganalytics.server_removals (requested_at) WHERE finished_at IS NULL;

-- Revoked certificates of servers that are gone: lists of revoked certificates name them until their end.
CREATE TABLE pganalytics.ended_certificates (
  serial     text PRIMARY KEY,
  authority  text,
  revoked_at timestamptz NOT NULL,
  not_after  timestamptz NOT NULL
);

-- One step of a removal: at most so many rows of a server from one table. Returns how many there were.
CREATE FUNCTION pganalytics.remove_server_rows(target regclass, server int4, most int8) RETURNS int8
LANGUAGE plpgsql AS $$
DECLARE
  removed int8;
BEGIN
  EXECUTE format(
    'DELETE FROM ONLY %1$s WHERE ctid = ANY (ARRAY(SELECT ctid FROM ONLY %1$s WHERE server_id = $1 LIMIT $2))', target)
    USING server, most;
  GET DIAGNOSTICS removed = ROW_COUNT;
  RETURN removed;
END $$;

-- The same where no index begins with server_id: the rows of the server in a stretch of blocks.
CREATE FUNCTION pganalytics.remove_server_blocks(target regclass, server int4, first_block int8, blocks int8) RETURNS int8
LANGUAGE plpgsql AS $$
DECLARE
  removed int8;
BEGIN
  EXECUTE format('DELETE FROM ONLY %s WHERE server_id = $1 AND ctid >= $2 AND ctid < $3', target)
    USING server, format('(%s,0)', first_block)::tid, format('(%s,0)', least(first_block + blocks, 4294967295))::tid;
  GET DIAGNOSTICS removed = ROW_COUNT;
  RETURN removed;
END $$;

-- The same of a hypertable, whose compressed rows have no place of their own: a stretch of time.
CREATE FUNCTION pganalytics.remove_server_stretch(
  target regclass, server int4, first_time timestamptz, after_last timestamptz
) RETURNS int8
LANGUAGE plpgsql AS $$
DECLARE
  removed int8;
BEGIN
  PERFORM set_config('timescaledb.max_tuples_decompressed_per_dml_transaction', '0', true);
  EXECUTE format('DELETE FROM %s WHERE server_id = $1 AND time >= $2 AND time < $3', target)
    USING server, first_time, after_last;
  GET DIAGNOSTICS removed = ROW_COUNT;
  RETURN removed;
END $$;

-- Failed logins of a name from one address. `login_failures` counts those from all addresses together, and locks the name only
-- if many addresses took part: else anybody could lock anybody out.
CREATE TABLE pganalytics.login_address_failures (
  name_hash    bytea NOT NULL,
  address      text NOT NULL,
  failures     int4 NOT NULL,
  failed_at    timestamptz NOT NULL,
  locked_until timestamptz,
  PRIMARY KEY (name_hash, address)
);

-- What was rejected of a collector's pushes: how often, by code and metric type, and the last of each.
CREATE TABLE pganalytics.collector_rejects (
  collector_id uuid NOT NULL REFERENCES pganalytics.collectors ON DELETE CASCADE,
  code         text NOT NULL,
  metric_type  text NOT NULL,
  total        int8 NOT NULL,
  last_at      timestamptz NOT NULL,
  last_push    uuid NOT NULL,
  last_message text NOT NULL,
  PRIMARY KEY (collector_id, code, metric_type)
);
