-- Channels, to which notifications of findings are delivered, and the outbox from which they are delivered.

CREATE TABLE pganalytics.channels (
  id          uuid PRIMARY KEY,
  name        text NOT NULL UNIQUE,
  kind        text NOT NULL CHECK (kind IN ('webhook', 'slack', 'alertmanager', 'email')),
  -- The address and its options, without secrets.
  target      jsonb NOT NULL,
  -- The secret, encrypted with the channel key. Null: none, or the target names a file.
  secret      bytea,
  -- The body's template. Null: the default body.
  template    text,
  -- Empty: all.
  severities  text[] NOT NULL DEFAULT '{}',
  checks      text[] NOT NULL DEFAULT '{}',
  -- Conditions that the labels of the server fulfil, all of them: `name=value`, or `name=` for any value.
  labels      text[] NOT NULL DEFAULT '{}',
  is_on       bool NOT NULL DEFAULT true,
  messages_per_minute int4 NOT NULL CHECK (messages_per_minute > 0),
  -- When the firing alerts were last sent again. Only for Alertmanager.
  refreshed_at timestamptz,
  created_at  timestamptz NOT NULL DEFAULT now(),
  created_by  int8 REFERENCES pganalytics.users ON DELETE SET NULL,
  updated_at  timestamptz NOT NULL DEFAULT now(),
  updated_by  int8 REFERENCES pganalytics.users ON DELETE SET NULL
);

-- One message to one channel. The id is the idempotency id of every try.
CREATE TABLE pganalytics.outbox (
  id           uuid PRIMARY KEY,
  channel_id   uuid NOT NULL REFERENCES pganalytics.channels ON DELETE CASCADE,
  -- The check and the kind of event (`disk_full opened`), or `several` for a message about more than one group.
  group_key    text NOT NULL,
  payload      jsonb NOT NULL,
  -- The recipients of a mail that have not taken it yet, if others have. Null: all.
  recipients   text[],
  state        text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'delivered', 'failed')),
  attempts     int4 NOT NULL DEFAULT 0,
  -- A server that takes the message sets this time to the end of its lease. After a crash another server takes it then.
  next_try     timestamptz NOT NULL DEFAULT now(),
  last_error   text,
  created_at   timestamptz NOT NULL DEFAULT now(),
  -- When the message was delivered, or given up.
  finished_at  timestamptz
);
CREATE INDEX outbox_waiting ON pganalytics.outbox (channel_id, created_at) WHERE state = 'waiting';
CREATE INDEX outbox_channel ON pganalytics.outbox (channel_id, created_at DESC);
CREATE INDEX outbox_finished ON pganalytics.outbox (finished_at) WHERE finished_at IS NOT NULL;

-- An event of a finding that a channel is to report, and the message that reports it.
CREATE TABLE pganalytics.notifications (
  finding_id int8 NOT NULL REFERENCES pganalytics.findings ON DELETE CASCADE,
  channel_id uuid NOT NULL REFERENCES pganalytics.channels ON DELETE CASCADE,
  kind       text NOT NULL CHECK (kind IN ('opened', 'ended')),
  check_name text NOT NULL,
  at         timestamptz NOT NULL,
  -- pending: waits for its message. composed: a message has it. dropped: no message reports it.
  state      text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'composed', 'dropped')),
  -- Checked at the commit: a notification gets its message before the message's row is written.
  message_id uuid REFERENCES pganalytics.outbox ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED,
  PRIMARY KEY (finding_id, channel_id, kind)
);
CREATE INDEX notifications_pending ON pganalytics.notifications (channel_id, check_name, kind, at)
  WHERE state = 'pending';
CREATE INDEX notifications_message ON pganalytics.notifications (message_id) WHERE message_id IS NOT NULL;
CREATE INDEX notifications_channel ON pganalytics.notifications (channel_id);

-- Events that no server has turned into notifications yet. Events become visible in the order of their commits and not of
-- their ids, so a cursor would miss some.
ALTER TABLE pganalytics.finding_events ADD COLUMN dispatched_at timestamptz;
CREATE INDEX finding_events_undispatched ON pganalytics.finding_events (id) WHERE dispatched_at IS NULL;
