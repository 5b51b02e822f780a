-- One row for each attempt at a drill, and so for each scratch place: an attempt measures from the beginning, and never goes on with another's.
CREATE TABLE holdfast.drills (
  run_id       uuid NOT NULL REFERENCES holdfast.runs,
  attempt      integer NOT NULL,
  name         text,
  dataset      text NOT NULL,
  backup_id    uuid NOT NULL,
  method       text NOT NULL,
  target       text NOT NULL,
  destination  text NOT NULL,
  recovery     jsonb,
  findings     jsonb,
  started_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- The scratch place is gone.
  removed_at   timestamptz,
  completed_at timestamptz,
  verdict      text CHECK (verdict IN ('passed', 'failed', 'inconclusive')),
  result       jsonb,
  PRIMARY KEY (run_id, attempt),
  CONSTRAINT drills_completed_has_verdict
    CHECK ((completed_at IS NULL) = (verdict IS NULL) AND (verdict IS NULL) = (result IS NULL))
);
CREATE INDEX drills_by_dataset ON holdfast.drills (dataset, completed_at DESC);
CREATE INDEX drills_left ON holdfast.drills (started_at) WHERE removed_at IS NULL;
