-- Which version of its configuration a collector took last: what is in effect there, as far as we can know.
ALTER TABLE pganalytics.collectors
  ADD COLUMN pulled_config_version int4,
  ADD COLUMN config_pulled_at timestamptz;
