-- Rotation of signing keys and of the certificate authority.

-- A key verifies from the moment that a server reads it, and signs from `signs_from` on, when all servers have. It verifies
-- until `retired_at`, which may lie ahead.
ALTER TABLE pganalytics.signing_keys ADD COLUMN signs_from timestamptz;
UPDATE pganalytics.signing_keys SET signs_from = created_at;
ALTER TABLE pganalytics.signing_keys ALTER COLUMN signs_from SET NOT NULL, ALTER COLUMN signs_from SET DEFAULT now();

-- SHA-256 of the certificate that signed it, in hex. Null: by the only authority there had been.
ALTER TABLE pganalytics.collector_certificates ADD COLUMN authority text;
CREATE INDEX collector_certificates_revoked ON pganalytics.collector_certificates (authority)
  WHERE revoked_at IS NOT NULL;
