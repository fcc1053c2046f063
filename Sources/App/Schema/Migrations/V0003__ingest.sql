-- What the writers fill beside the metric tables themselves, which are made from the metric declarations.
-- No foreign keys here: they would lock a server's row for every batch.

-- Texts that rows name by a 64-bit id, computed from the text by the writer.
CREATE TABLE pganalytics.texts (
  server_id int4 NOT NULL,
  text_id   int8 NOT NULL,
  value     text NOT NULL,
  PRIMARY KEY (server_id, text_id)
);

-- What rows are about: a table, an index, a device. `key` holds the texts of the declaration's object keys, in order.
CREATE TABLE pganalytics.objects (
  server_id int4 NOT NULL,
  object_id int8 NOT NULL,
  kind      text NOT NULL,
  name      text NOT NULL,
  key       text[] NOT NULL,
  PRIMARY KEY (server_id, object_id)
);

-- Pushes that are committed. A partition is a day, derived from the push itself so that a retry finds its own.
-- Plain partitions also beside TimescaleDB: nothing here is worth compressing, and a day is dropped at once.
CREATE TABLE pganalytics.ingest_ledger (
  day         date NOT NULL,
  push_id     uuid NOT NULL,
  server_id   int4 NOT NULL,
  received_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (day, push_id)
) PARTITION BY RANGE (day);

-- Rows the database refused although the encoder let them through, as the binary COPY tuples they were sent as.
CREATE TABLE pganalytics.dead_letters (
  id          int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  received_at timestamptz NOT NULL DEFAULT now(),
  server_id   int4 NOT NULL,
  push_id     uuid NOT NULL,
  table_name  text NOT NULL,
  sqlstate    text,
  message     text NOT NULL,
  tuples      bytea NOT NULL
);
CREATE INDEX dead_letters_server ON pganalytics.dead_letters (server_id, received_at DESC);

CREATE SCHEMA metrics;   -- typed tables, by ids
CREATE SCHEMA named;     -- a view of each, by names

-- How the metric tables are stored, decided once: partitioned tables do not turn into hypertables by themselves.
CREATE TABLE pganalytics.storage (
  kind       text NOT NULL CHECK (kind IN ('plain', 'timescale')),
  decided_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX storage_one_row ON pganalytics.storage ((true));
