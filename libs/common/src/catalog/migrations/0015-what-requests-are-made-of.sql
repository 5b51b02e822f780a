-- The version of its event's schema that a stored request was written in: a later Holdfast reads it with the upcasts from there on. Every
-- request that is stored already has version 1, and so has what an older service stores while services are upgraded one by one.
ALTER TABLE holdfast.runs ADD COLUMN request_version integer NOT NULL DEFAULT 1 CHECK (request_version >= 1);

-- An event that claims to be ours counts only when it is found here.
CREATE INDEX outbox_event_id ON holdfast.outbox (event_id);
