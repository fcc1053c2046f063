-- People, the keys that sign tokens, and what was done by whom.

-- One channel tells every server of this database what to read again: '<table>:<key>'.
CREATE FUNCTION pganalytics.announce() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  changed jsonb := to_jsonb(CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END);
BEGIN
  PERFORM pg_notify('pganalytics', TG_TABLE_NAME || ':' || (changed ->> TG_ARGV[0]));
  RETURN NULL;
END $$;

CREATE TABLE pganalytics.users (
  id            int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  username      text NOT NULL,
  email         text,
  full_name     text,
  password_hash text NOT NULL,
  role          text NOT NULL CHECK (role IN ('admin', 'operator', 'viewer')),
  is_active     bool NOT NULL DEFAULT true,
  created_at    timestamptz NOT NULL DEFAULT now(),
  updated_at    timestamptz NOT NULL DEFAULT now(),
  last_login_at timestamptz
);
CREATE UNIQUE INDEX users_username ON pganalytics.users (lower(username));
CREATE TRIGGER users_announce AFTER DELETE OR UPDATE OF role, is_active, password_hash ON pganalytics.users
  FOR EACH ROW EXECUTE FUNCTION pganalytics.announce('id');

-- A login and the refresh tokens that followed from it. A refresh token names its session and generation; one of an
-- older generation was used before, and revokes the session.
CREATE TABLE pganalytics.sessions (
  id         uuid PRIMARY KEY,
  user_id    int8 NOT NULL REFERENCES pganalytics.users ON DELETE CASCADE,
  generation int4 NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  revoked_at timestamptz
);
CREATE INDEX sessions_user ON pganalytics.sessions (user_id);
CREATE INDEX sessions_expiry ON pganalytics.sessions (expires_at);
CREATE TRIGGER sessions_announce AFTER UPDATE OF revoked_at ON pganalytics.sessions
  FOR EACH ROW EXECUTE FUNCTION pganalytics.announce('id');

-- HS256 secrets by `kid`, shared by all servers of this database.
CREATE TABLE pganalytics.signing_keys (
  kid        text PRIMARY KEY,
  secret     bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  retired_at timestamptz
);
CREATE TRIGGER signing_keys_announce AFTER INSERT OR DELETE OR UPDATE ON pganalytics.signing_keys
  FOR EACH ROW EXECUTE FUNCTION pganalytics.announce('kid');

CREATE TABLE pganalytics.audit (
  id         int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at         timestamptz NOT NULL DEFAULT now(),
  actor      text NOT NULL,   -- user:<id>, collector:<uuid>, anonymous, system
  action     text NOT NULL,
  subject    text,            -- what it was done to, in the same form as actor
  outcome    text NOT NULL,
  address    text,
  request_id text,
  details    jsonb
);
CREATE INDEX audit_at ON pganalytics.audit (at DESC);
