-- What checks find in the stored metrics, and what people decide about it. docs/FINDINGS.md has the states of a finding.
-- No foreign keys to servers: an ended finding outlives its server, and evaluating takes no lock on a server's row.

-- A finding is open until `ended_at`. A server has at most one open finding of a check and a subject.
CREATE TABLE pganalytics.findings (
  id                int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  check_name        text NOT NULL,
  server_id         int4 NOT NULL,
  subject           text NOT NULL DEFAULT '',   -- a table, a slot, a database; '': the server itself
  severity          text NOT NULL CHECK (severity IN ('warning', 'critical')),
  message           text NOT NULL,
  value             float8,
  threshold         float8,
  details           jsonb NOT NULL DEFAULT '{}',
  opened_at         timestamptz NOT NULL,
  last_seen_at      timestamptz NOT NULL,
  ended_at          timestamptz,
  end_reason        text CHECK (end_reason IN ('recovered', 'gone', 'server_removed', 'check_off')),
  acknowledged_at   timestamptz,
  acknowledged_by   int8,
  acknowledged_name text,
  acknowledge_note  text,
  CHECK ((ended_at IS NULL) = (end_reason IS NULL))
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX findings_open ON pganalytics.findings (server_id, check_name, subject) WHERE ended_at IS NULL;
CREATE INDEX findings_opened ON pganalytics.findings (opened_at DESC, id DESC);
CREATE INDEX findings_server ON pganalytics.findings (server_id, opened_at DESC);
CREATE INDEX findings_ended ON pganalytics.findings (ended_at) WHERE ended_at IS NOT NULL;

-- Openings and endings, each written in the transaction that changes the finding. Deliveries begin with them.
CREATE TABLE pganalytics.finding_events (
  id         int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  finding_id int8 NOT NULL,
  kind       text NOT NULL CHECK (kind IN ('opened', 'ended')),
  at         timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX finding_events_finding ON pganalytics.finding_events (finding_id);
CREATE INDEX finding_events_at ON pganalytics.finding_events (at);

-- Findings that match every condition of a silence send no notification until its end. NULL and '{}' match everything.
CREATE TABLE pganalytics.silences (
  id           int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  check_name   text,
  server_id    int4,
  subject      text,
  labels       jsonb NOT NULL DEFAULT '{}',
  until        timestamptz NOT NULL,
  reason       text NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  created_by   int8,
  created_name text,
  ended_at     timestamptz   -- when a person ended it early
);
CREATE INDEX silences_until ON pganalytics.silences (until);

-- What people changed of a check. A check without a row is on, with its declared thresholds.
CREATE TABLE pganalytics.check_settings (
  check_name text PRIMARY KEY,
  is_on      bool NOT NULL DEFAULT true,
  thresholds jsonb NOT NULL DEFAULT '{}',   -- name -> number; a name that is missing has its default
  updated_at timestamptz NOT NULL DEFAULT now(),
  updated_by int8
);

-- The last evaluation of each check, for people.
CREATE TABLE pganalytics.check_runs (
  check_name   text PRIMARY KEY,
  evaluated_at timestamptz,   -- the time that the last successful evaluation looked at
  seconds      float8,        -- how long its statement took
  resumed_at   timestamptz,   -- when evaluating went on after a pause in which no server evaluated the check
  failed_at    timestamptz,   -- when it last failed
  failure      text           -- why; NULL: the last evaluation succeeded
) WITH (fillfactor = 50);

-- One row for each monitored server: how far it is evaluated, its state, and the figures of the fleet overview.
CREATE TABLE pganalytics.server_states (
  server_id                  int4 PRIMARY KEY,
  state                      text NOT NULL DEFAULT 'ok' CHECK (state IN ('ok', 'warning', 'critical', 'silent')),
  evaluated_at               timestamptz,   -- the time that the last evaluation after a push looked at
  pushed_at                  timestamptz,   -- servers.last_seen_at at that evaluation; a later push is not evaluated yet
  no_data                    text[] NOT NULL DEFAULT '{}',   -- the checks that found no data at their last evaluation
  connections                int8,
  transactions_per_second    float8,
  cache_hit                  float8,        -- percent
  replication_lag_seconds    float8,
  oldest_transaction_seconds float8,
  disk_used_percent          float8,
  xid_age                    int8,
  data_at                    timestamptz    -- the time of the newest row that the figures are made of
) WITH (fillfactor = 50);
