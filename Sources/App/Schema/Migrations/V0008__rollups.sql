-- Roll-ups of metric rows. Their tables are made from the metric declarations, like the metric tables themselves.

CREATE SCHEMA rollups;

-- What is not rolled up (again) yet: a writer adds the stretch of time of its rows in their own transaction, the one who rolls
-- up takes it away in the transaction that stores the result. So what is in here is exactly what roll-ups lack, and rows that
-- come late need no care. Append and delete; no index, for it is short.
CREATE TABLE pganalytics.rollup_pending (
  step_seconds int4 NOT NULL,          -- 300: rows to roll-ups of 5 minutes; 3600: those to roll-ups of an hour
  server_id    int4 NOT NULL,
  first_time   timestamptz NOT NULL,
  last_time    timestamptz NOT NULL    -- included
);
