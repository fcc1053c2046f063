-- A parked push says what refused it and for which columns its tuples were encoded, so that it can be stored later.

ALTER TABLE pganalytics.dead_letters
  DROP CONSTRAINT dead_letters_pkey,
  ADD PRIMARY KEY (server_id, id),
  ADD COLUMN refused_table text,   -- the table that refused the push, with its schema, where PostgreSQL told
  ADD COLUMN row_count    int4,    -- NULL in this column and the next two: parked by an older version
  ADD COLUMN column_names text[],  -- of the tuples' fields, in their order
  ADD COLUMN column_types text[];
CREATE INDEX dead_letters_push ON pganalytics.dead_letters (push_id);
