-- Sessions of browsers, which hold their refresh token in a cookie, and what a list of sessions shows.

ALTER TABLE pganalytics.sessions
  ADD COLUMN is_browser    bool NOT NULL DEFAULT false,  -- the refresh token counts only as a cookie
  -- Only of browsers, and NULL before the first refresh.
  ADD COLUMN previous_hash bytea,        -- SHA-256 of the secret of the generation before the present one
  ADD COLUMN salt          bytea,        -- makes the secret of the present generation from the one before
  ADD COLUMN rotated_at    timestamptz,  -- begin of the present generation
  -- Of the login or the last refresh.
  ADD COLUMN refreshed_at  timestamptz,  -- NULL before the first refresh
  ADD COLUMN address       text,
  ADD COLUMN user_agent    text;
