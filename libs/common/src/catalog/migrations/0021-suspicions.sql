-- Backups that are unlike those before them, and whether an operator has looked at them: as manifests and repositories say.
CREATE TABLE holdfast.suspicions (
  backup_id     uuid PRIMARY KEY REFERENCES holdfast.backups ON DELETE CASCADE,
  reasons       jsonb NOT NULL,
  found_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  accepted_at   timestamptz,
  accepted_by   text,
  accept_reason text,
  CONSTRAINT suspicions_accepted_whole
    CHECK ((accepted_at IS NULL) = (accepted_by IS NULL) AND (accepted_by IS NULL) = (accept_reason IS NULL))
);
