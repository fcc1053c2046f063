-- The fleet: who may enrol, who has, with which certificates, on behalf of which monitored server.

CREATE TABLE pganalytics.registration_secrets (
  id           uuid PRIMARY KEY,
  name         text NOT NULL UNIQUE,
  secret_hash  bytea NOT NULL UNIQUE,   -- SHA-256; the value is shown once and never stored
  created_at   timestamptz NOT NULL DEFAULT now(),
  expires_at   timestamptz,
  max_uses     int4 CHECK (max_uses > 0),
  uses         int4 NOT NULL DEFAULT 0,
  revoked_at   timestamptz,
  last_used_at timestamptz,
  CHECK (uses <= max_uses)
);

CREATE TABLE pganalytics.servers (
  id           int4 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name         text NOT NULL,
  hostname     text NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  last_seen_at timestamptz
);
CREATE INDEX servers_hostname ON pganalytics.servers (hostname);

CREATE TABLE pganalytics.collectors (
  id             uuid PRIMARY KEY,
  server_id      int4 NOT NULL UNIQUE REFERENCES pganalytics.servers,
  name           text NOT NULL,
  hostname       text NOT NULL,
  address        text,
  version        text,
  status         text NOT NULL DEFAULT 'registered' CHECK (status IN ('registered', 'active', 'offline', 'error')),
  registered_at  timestamptz NOT NULL DEFAULT now(),
  last_seen_at   timestamptz,
  revoked_at     timestamptz,
  config_version int4 NOT NULL DEFAULT 0
);
CREATE INDEX collectors_name ON pganalytics.collectors (name);
CREATE TRIGGER collectors_announce AFTER INSERT OR DELETE OR UPDATE OF revoked_at, config_version
  ON pganalytics.collectors FOR EACH ROW EXECUTE FUNCTION pganalytics.announce('id');

CREATE TABLE pganalytics.collector_certificates (
  serial       text PRIMARY KEY,
  collector_id uuid NOT NULL REFERENCES pganalytics.collectors ON DELETE CASCADE,
  fingerprint  text NOT NULL,
  not_before   timestamptz NOT NULL,
  not_after    timestamptz NOT NULL,
  issued_at    timestamptz NOT NULL DEFAULT now(),
  revoked_at   timestamptz
);
CREATE INDEX collector_certificates_collector ON pganalytics.collector_certificates (collector_id);
CREATE TRIGGER collector_certificates_announce AFTER INSERT OR DELETE OR UPDATE OF revoked_at
  ON pganalytics.collector_certificates FOR EACH ROW EXECUTE FUNCTION pganalytics.announce('collector_id');

CREATE TABLE pganalytics.collector_configs (
  collector_id uuid NOT NULL REFERENCES pganalytics.collectors ON DELETE CASCADE,
  version      int4 NOT NULL CHECK (version > 0),
  toml         text NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  created_by   int8 REFERENCES pganalytics.users ON DELETE SET NULL,
  PRIMARY KEY (collector_id, version)
);
