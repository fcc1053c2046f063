-- Tokens with which programs use the API in the name of a user.

CREATE TABLE pganalytics.api_tokens (
  id           uuid PRIMARY KEY,
  user_id      int8 NOT NULL REFERENCES pganalytics.users ON DELETE CASCADE,
  name         text NOT NULL,
  role         text NOT NULL CHECK (role IN ('admin', 'operator', 'viewer')),
  labels       text[] NOT NULL,          -- 'key=value' of monitored servers; empty: every server
  secret_hash  bytea NOT NULL UNIQUE,    -- SHA-256 of the token
  created_at   timestamptz NOT NULL DEFAULT now(),
  expires_at   timestamptz NOT NULL,
  last_used_at timestamptz,              -- at most a minute old
  revoked_at   timestamptz
);
-- The audit trail names a token by its name, so no two tokens have the same one at the same time.
CREATE UNIQUE INDEX api_tokens_name ON pganalytics.api_tokens (name) WHERE revoked_at IS NULL;
CREATE INDEX api_tokens_user ON pganalytics.api_tokens (user_id);
