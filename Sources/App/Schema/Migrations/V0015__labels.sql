-- Labels of the monitored servers, by which lists, reads, findings and silences select servers. A label belongs to the server, so
-- it stays when a new collector takes the server over.
CREATE TABLE pganalytics.labels (
  server_id int4 NOT NULL REFERENCES pganalytics.servers (id) ON DELETE CASCADE,
  name      text NOT NULL CHECK (name ~ '^[A-Za-z_][A-Za-z0-9_.-]{0,62}$'),
  value     text NOT NULL CHECK (char_length(value) BETWEEN 1 AND 255),
  PRIMARY KEY (server_id, name)
);
CREATE INDEX labels_name_value ON pganalytics.labels (name, value);

-- The labels that an enrolment with the secret gives to the server: an object of texts.
ALTER TABLE pganalytics.registration_secrets ADD COLUMN labels jsonb NOT NULL DEFAULT '{}';
