-- Every request that a consumer has taken, so that a redelivery is a no-op.
CREATE TABLE holdfast.inbox (
  consumer    text NOT NULL,
  source      text NOT NULL,
  event_id    text NOT NULL,
  received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  keep_until  timestamptz NOT NULL,
  PRIMARY KEY (consumer, source, event_id)
);
CREATE INDEX inbox_keep_until ON holdfast.inbox (keep_until);

-- Events that were committed and wait for the bus. Per key, ids ascend in commit order: writers hold a lock on the key.
CREATE TABLE holdfast.outbox (
  id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  event_id     text NOT NULL,
  event_type   text NOT NULL,
  topic        text NOT NULL,
  key          text NOT NULL,
  event        jsonb NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  published_at timestamptz,
  -- The bus refused this event for good (too large, say): it is stepped over, kept, and counted.
  refused_at   timestamptz,
  problem      jsonb,
  CONSTRAINT outbox_refused_has_problem CHECK ((refused_at IS NULL) = (problem IS NULL))
);
CREATE INDEX outbox_waiting ON holdfast.outbox (id) WHERE published_at IS NULL AND refused_at IS NULL;
CREATE INDEX outbox_published_at ON holdfast.outbox (published_at) WHERE published_at IS NOT NULL;
