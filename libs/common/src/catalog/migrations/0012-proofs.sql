-- What every verdict about a backup found, whoever reached it: a verification, a check of its sums, or a command line without this
-- catalog, whose verdicts lie beside the backup and are read from there.
CREATE TABLE holdfast.proofs (
  backup_id  uuid NOT NULL REFERENCES holdfast.backups ON DELETE CASCADE,
  repository text NOT NULL,
  run_id     text NOT NULL,
  -- The objects that were proven; null: not told.
  attempt_key text,
  proven_at  timestamptz NOT NULL,
  verdict    text NOT NULL CHECK (verdict IN ('passed', 'failed', 'inconclusive')),
  -- Per probe its verdict and the problems that it found.
  probes     jsonb NOT NULL,
  PRIMARY KEY (backup_id, repository, run_id)
);

INSERT INTO holdfast.proofs (backup_id, repository, run_id, proven_at, verdict, probes)
SELECT verification.backup_id, copy.repository, verification.run_id::text, verification.completed_at, verification.verdict,
       coalesce(verification.result -> 'probes', '[]')
FROM holdfast.verifications AS verification
JOIN LATERAL (
  SELECT repository FROM holdfast.backup_copies WHERE backup_id = verification.backup_id ORDER BY recorded_at LIMIT 1
) AS copy ON true
WHERE verification.completed_at IS NOT NULL;

-- What is wrong with a copy: `lost`, as a listing of the repository shows it, and `proven`, what its objects failed by.
ALTER TABLE holdfast.backup_copies ADD COLUMN damage jsonb;
UPDATE holdfast.backup_copies SET state = 'present' WHERE state = 'damaged';
ALTER TABLE holdfast.backup_copies
  ADD CONSTRAINT backup_copies_damaged_is_told CHECK (state <> 'damaged' OR damage IS NOT NULL);

-- Until now a proof that looked only at sums, or only at an application, counted as a proven restore.
UPDATE holdfast.backups AS backup
SET verified_at = (
  SELECT max(proof.proven_at)
  FROM holdfast.proofs AS proof
  WHERE proof.backup_id = backup.id AND proof.verdict = 'passed'
    AND EXISTS (
      SELECT FROM jsonb_array_elements(proof.probes) AS probe
      WHERE probe ->> 'probe' NOT IN ('checksums', 'archive-list', 'http')
    )
)
WHERE verified_at IS NOT NULL;
