-- What makes a push a repeat is kept by the push alone: `head` is made of its first metric, `push_id` of all its metrics, and the
-- day is that of its first metric with a readable time. The older table `ingest_ledger` is read as long as it has partitions.

-- Pushes whose day is near the day of their receipt. `chain` tells a shorter push that is the beginning of this one: 8 bytes
-- for each boundary between metrics but the first; NULL where there is no more than one.
CREATE TABLE pganalytics.push_ledger (
  head        int8 NOT NULL,
  received_at timestamptz NOT NULL DEFAULT now(),
  day         date NOT NULL,
  server_id   int4 NOT NULL,
  metrics     int4 NOT NULL,
  push_id     uuid NOT NULL,
  chain       bytea,
  PRIMARY KEY (server_id, day, head, metrics, push_id)
) PARTITION BY RANGE (day);

-- The others: without a readable time, late, or of a clock that is ahead. Few, and pruned by receipt.
CREATE TABLE pganalytics.push_ledger_undated (
  head        int8 NOT NULL,
  received_at timestamptz NOT NULL DEFAULT now(),
  server_id   int4 NOT NULL,
  metrics     int4 NOT NULL,
  push_id     uuid NOT NULL,
  chain       bytea,
  PRIMARY KEY (server_id, head, metrics, push_id)
);
CREATE INDEX push_ledger_undated_received ON pganalytics.push_ledger_undated (received_at);

-- What each `Idempotency-Key` was used for; pruned by receipt.
CREATE TABLE pganalytics.push_keys (
  server_id   int4 NOT NULL,
  key_hash    uuid NOT NULL,
  push_id     uuid NOT NULL,
  received_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (server_id, key_hash)
);
CREATE INDEX push_keys_received ON pganalytics.push_keys (received_at);

-- Every push that is stored or parked, for people and scripts.
CREATE VIEW pganalytics.pushes AS
  SELECT server_id, push_id, metrics, day, received_at FROM pganalytics.push_ledger
  UNION ALL SELECT server_id, push_id, metrics, NULL, received_at FROM pganalytics.push_ledger_undated
  UNION ALL SELECT server_id, push_id, NULL, day, received_at FROM pganalytics.ingest_ledger;
