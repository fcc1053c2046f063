-- Refresh tokens, versions of users, lock-outs of logins, and an audit trail that can be searched.

-- A session of before has no refresh token: its user logs in again.
DELETE FROM pganalytics.sessions;
ALTER TABLE pganalytics.sessions
  ADD COLUMN secret_hash bytea NOT NULL;   -- SHA-256 of the secret in the refresh token of `generation`

-- What an If-Match names. Logging in is no new version.
ALTER TABLE pganalytics.users ADD COLUMN version int4 NOT NULL DEFAULT 1;

-- Failed logins by name, whether anybody has the name or not: so a lock-out says nothing about that. By digest, because
-- people type passwords into the field of the name.
CREATE TABLE pganalytics.login_failures (
  name_hash    bytea PRIMARY KEY,
  failures     int4 NOT NULL,
  failed_at    timestamptz NOT NULL,
  locked_until timestamptz
);
CREATE FUNCTION pganalytics.login_name_hash(name text) RETURNS bytea LANGUAGE sql STABLE AS $$
  SELECT sha256(convert_to(lower(name), 'UTF8'))
$$;

CREATE INDEX audit_actor ON pganalytics.audit (actor, at DESC);
CREATE INDEX audit_subject ON pganalytics.audit (subject, at DESC);
CREATE INDEX audit_action ON pganalytics.audit (action, at DESC);
