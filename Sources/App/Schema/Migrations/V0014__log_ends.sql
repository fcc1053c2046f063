-- How the last list of log lines ended that is stored of a server and database: a collector that reports the last lines of a log
-- in each round reports most of them again, and what a list begins with that equals this is not stored again.
CREATE TABLE pganalytics.log_ends (
  server_id   int4 NOT NULL,
  database_id int8 NOT NULL,   -- 0: lines without a database
  received_at timestamptz NOT NULL DEFAULT now(),
  lines       bytea NOT NULL,  -- the digests of the list's last lines, 8 bytes each
  PRIMARY KEY (server_id, database_id)
) WITH (fillfactor = 50);
