-- What was decided when a run began, so that its later attempts do the same, and what came of it.
CREATE TABLE holdfast.restores (
  run_id           uuid PRIMARY KEY REFERENCES holdfast.runs,
  dataset          text NOT NULL,
  backup_id        uuid NOT NULL,
  target           text NOT NULL,
  database         text NOT NULL,
  strategy         text NOT NULL,
  profile          text,
  safety_backup_id uuid,
  started_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
  completed_at     timestamptz,
  result           jsonb,
  CONSTRAINT restores_completed_has_result CHECK ((completed_at IS NULL) = (result IS NULL))
);
CREATE INDEX restores_by_dataset ON holdfast.restores (dataset, started_at DESC);

CREATE TABLE holdfast.verifications (
  run_id         uuid PRIMARY KEY REFERENCES holdfast.runs,
  dataset        text NOT NULL,
  backup_id      uuid NOT NULL,
  target         text NOT NULL,
  database       text NOT NULL,
  profile        text NOT NULL,
  restore_run_id uuid,
  verdict        text CHECK (verdict IN ('passed', 'failed', 'inconclusive')),
  started_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
  completed_at   timestamptz,
  result         jsonb,
  CONSTRAINT verifications_completed_has_verdict
    CHECK ((completed_at IS NULL) = (verdict IS NULL) AND (verdict IS NULL) = (result IS NULL))
);
CREATE INDEX verifications_by_dataset ON holdfast.verifications (dataset, started_at DESC);
CREATE INDEX verifications_by_backup ON holdfast.verifications (backup_id);

CREATE TABLE holdfast.replays (
  run_id       uuid PRIMARY KEY REFERENCES holdfast.runs,
  dataset      text NOT NULL,
  mode         text NOT NULL,
  -- The frozen range: a later attempt goes on in it.
  plan         jsonb NOT NULL,
  started_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  completed_at timestamptz,
  is_complete  boolean,
  result       jsonb,
  CONSTRAINT replays_completed_has_result
    CHECK ((completed_at IS NULL) = (result IS NULL) AND (result IS NULL) = (is_complete IS NULL))
);
CREATE INDEX replays_by_dataset ON holdfast.replays (dataset, started_at DESC);
