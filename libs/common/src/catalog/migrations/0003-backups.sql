-- A projection of the manifests, plus ids that were reserved before the first byte.
CREATE TABLE holdfast.backups (
  id                  uuid PRIMARY KEY,
  dataset             text NOT NULL,
  method              text NOT NULL,
  purpose             text NOT NULL CHECK (purpose IN ('regular', 'safety')),
  -- No foreign key: a catalog rebuilt from the repositories has backups whose runs are gone.
  run_id              uuid NOT NULL,
  state               text NOT NULL DEFAULT 'reserved' CHECK (state IN ('reserved', 'completed', 'expired')),
  attempt             integer,
  attempt_key         text,
  size_bytes          bigint,
  database_size_bytes bigint,
  started_at          timestamptz,
  snapshot_at         timestamptz,
  completed_at        timestamptz,
  manifest            jsonb,
  reserved_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
  verified_at         timestamptz,
  expired_at          timestamptz,
  CONSTRAINT backups_one_per_run UNIQUE (run_id, purpose),
  CONSTRAINT backups_completed_is_whole CHECK (
    state = 'reserved'
    OR (attempt_key IS NOT NULL AND snapshot_at IS NOT NULL AND completed_at IS NOT NULL AND manifest IS NOT NULL)
  )
);
CREATE INDEX backups_by_dataset ON holdfast.backups (dataset, id DESC) WHERE state = 'completed';

-- Every copy has its own state, digest check and last-verified time.
CREATE TABLE holdfast.backup_copies (
  backup_id    uuid NOT NULL REFERENCES holdfast.backups,
  repository   text NOT NULL,
  manifest_key text NOT NULL,
  size_bytes   bigint NOT NULL,
  state        text NOT NULL DEFAULT 'present' CHECK (state IN ('present', 'damaged', 'expired')),
  recorded_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  checked_at   timestamptz,
  verified_at  timestamptz,
  PRIMARY KEY (backup_id, repository)
);
