-- Rolling up by units that stand alone, and sums of doubles that nothing can stop.

-- A unit is one metric table of one server over a stretch of time, at one width. A transaction that rolls up many of them
-- and fails is divided into its units, and each is then made by itself. A unit that fails alone stays here with its reason
-- until it is made. As long as a unit is here, queries of that table and server read rows from its start on.
CREATE TABLE pganalytics.rollup_units (
  id           int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  step_seconds int4 NOT NULL,          -- as in rollup_pending
  table_name   text NOT NULL,          -- the metric table, without its schema
  server_id    int4 NOT NULL,
  start_time   timestamptz NOT NULL,
  end_time     timestamptz NOT NULL,   -- excluded
  noted_at     timestamptz NOT NULL DEFAULT now(),
  attempts     int4 NOT NULL DEFAULT 0, -- that failed; 0: it waits for its first
  next_try     timestamptz NOT NULL DEFAULT now(),
  sqlstate     text,
  message      text
);
CREATE INDEX rollup_units_server ON pganalytics.rollup_units (server_id, table_name);
CREATE INDEX rollup_units_due ON pganalytics.rollup_units (step_seconds, table_name, next_try);

-- Since when a stretch waits. The default is stable, so no row is written anew.
ALTER TABLE pganalytics.rollup_pending ADD COLUMN noted_at timestamptz NOT NULL DEFAULT now();

-- PostgreSQL raises 22003 where an operation on doubles overflows, or underflows to zero, and one such value would stop
-- everything beside it. So the sums of roll-ups and queries are made of two: of values that are far from the limits, as they
-- are, and of the others, times 2^-64. Neither can overflow. The functions are plain expressions, which the planner inlines.

-- Whether even 10^18 such values have a sum. NULL of NULL; false of infinities and NaN.
CREATE FUNCTION pganalytics.is_ordinary(x float8) RETURNS bool IMMUTABLE PARALLEL SAFE
  RETURN x >= '-1e290'::float8 AND x <= '1e290'::float8;

-- x · 2^-64, which is exact. What is too small for that is nothing beside values that are not ordinary.
CREATE FUNCTION pganalytics.scaled(x float8) RETURNS float8 IMMUTABLE PARALLEL SAFE
  RETURN CASE WHEN x > '-1e-200'::float8 AND x < '1e-200'::float8 THEN 0 ELSE x * '5.421010862427522e-20'::float8 END;

-- A sum, from that of the ordinary values and the scaled one of the others. NULL of what no double can hold.
CREATE FUNCTION pganalytics.total(ordinary float8, scaled float8) RETURNS float8 IMMUTABLE PARALLEL SAFE
  RETURN CASE
    WHEN scaled IS NULL THEN ordinary
    WHEN abs(scaled + pganalytics.scaled(coalesce(ordinary, 0))) < '9.7453140114e288'::float8
      THEN (scaled + pganalytics.scaled(coalesce(ordinary, 0))) * '18446744073709551616'::float8
  END;

-- x / y for y >= 0.000001 or NULL. NULL of what no double can hold; 0 of what is too small for one.
CREATE FUNCTION pganalytics.quotient(x float8, y float8) RETURNS float8 IMMUTABLE PARALLEL SAFE
  RETURN CASE
    WHEN y IS NULL THEN NULL
    WHEN abs(x) < '1e-300'::float8 THEN 0
    WHEN y >= 1 THEN x / y
    WHEN abs(x) <= '1.797693134862315e308'::float8 * y THEN x / y
  END;

-- A numeric as a double. NULL of what no double can hold, and of what is no number; 0 of what is too small for one.
CREATE FUNCTION pganalytics.double(x numeric) RETURNS float8 IMMUTABLE PARALLEL SAFE
  RETURN CASE
    WHEN abs(x) < 1e-300 THEN 0
    WHEN abs(x) <= 1.797693134862315e308 THEN x::float8
  END;
