-- Renewal, revocation and re-enrolment of collectors.

-- What a collector's state is follows from last_seen_at and revoked_at, as of now: stored, it would be a guess of then.
ALTER TABLE pganalytics.collectors DROP COLUMN status;

-- Until when the next registration from this hostname gets this collector's identity, once. Null: it is a new collector.
ALTER TABLE pganalytics.collectors ADD COLUMN enrolment_permitted_until timestamptz;
CREATE INDEX collectors_permitted ON pganalytics.collectors (hostname) WHERE enrolment_permitted_until IS NOT NULL;
