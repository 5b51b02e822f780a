-- One row per piece of asked work: the queue and the truth at once.
CREATE TABLE holdfast.runs (
  id                  uuid PRIMARY KEY,
  -- Order of arrival, for queueing and paging.
  number              bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
  kind                text NOT NULL CHECK (kind ~ '^[a-z][a-z-]*$'),
  state               text NOT NULL DEFAULT 'queued'
                      CHECK (state IN ('queued', 'running', 'completed', 'failed', 'cancelled')),
  dataset             text NOT NULL,
  -- What only one running run may write to.
  resource            text NOT NULL,
  source_host         text,
  request             jsonb NOT NULL,
  requested_by        text NOT NULL,
  request_id          text NOT NULL,
  correlation_id      text,
  traceparent         text,
  priority            integer NOT NULL DEFAULT 0,
  -- Grows with every claim and is the fence; attempts that a shutdown cut short are forgiven, never renumbered.
  attempt             integer NOT NULL DEFAULT 0 CHECK (attempt >= 0),
  attempts_forgiven   integer NOT NULL DEFAULT 0 CHECK (attempts_forgiven BETWEEN 0 AND attempt),
  max_attempts        integer NOT NULL CHECK (max_attempts >= 1),
  owner               text,
  claim_expires_at    timestamptz,
  run_after           timestamptz NOT NULL DEFAULT clock_timestamp(),
  deadline_at         timestamptz,
  cancel_requested_at timestamptz,
  cancel_reason       text,
  event_sequence      integer NOT NULL DEFAULT 0,
  progress            jsonb,
  result              jsonb,
  -- Of the last attempt while the run is open, of the whole run once it has failed.
  problem             jsonb,
  created_at          timestamptz NOT NULL DEFAULT clock_timestamp(),
  started_at          timestamptz,
  settled_at          timestamptz,
  CONSTRAINT runs_claimed_while_running CHECK ((state = 'running') = (claim_expires_at IS NOT NULL)),
  CONSTRAINT runs_running_has_owner CHECK (state <> 'running' OR (owner IS NOT NULL AND attempt >= 1)),
  CONSTRAINT runs_settled_has_instant CHECK ((state IN ('queued', 'running')) = (settled_at IS NULL)),
  CONSTRAINT runs_failed_has_problem CHECK (state NOT IN ('failed', 'cancelled') OR problem IS NOT NULL)
);

-- Claiming counts under a lock; this index is the second wall behind it.
CREATE UNIQUE INDEX runs_one_writer ON holdfast.runs (resource) WHERE state = 'running';
CREATE INDEX runs_open ON holdfast.runs (kind, priority DESC, number) WHERE state IN ('queued', 'running');
CREATE INDEX runs_by_dataset ON holdfast.runs (dataset, number DESC);
