import { BackupCopy, type CopyDamage } from '#common/catalog/entities/backup.entity.js';
import { ProofEntry } from '#common/catalog/entities/proof.entity.js';
import { type Sql, toJsonb } from '#common/catalog/sql.js';
import type { BackupId } from '#common/domain/ids.js';
import { type Judged, type Proof, toProof } from '#common/domain/proof.js';

/** One backup in one repository. */
export interface CopyRef {
  readonly backupId: string;
  readonly repository: string;
}

export interface NewProof extends CopyRef, Judged {
  readonly attemptKey: string | null;
}

/** A copy that the catalog names, as a listing has to show it. */
export interface NamedCopy extends CopyRef {
  readonly attemptKey: string;
  /** The damage that the catalog reports now. */
  readonly damage: CopyDamage | null;
  readonly objects: readonly { readonly name: string; readonly key: string; readonly sizeBytes: number }[];
}

/** Of one dataset, in all repositories. */
export interface DamagedCount {
  readonly dataset: string;
  readonly damaged: number;
}

const RECORD = `
  INSERT INTO holdfast.proofs (backup_id, repository, run_id, attempt_key, proven_at, verdict, probes)
  SELECT id, $2, $3, $4, $5, $6, $7 FROM holdfast.backups WHERE id = $1
  ON CONFLICT DO NOTHING`;

const OF_DATASET = `
  SELECT proof.*
  FROM holdfast.proofs AS proof
  JOIN holdfast.backups AS backup ON backup.id = proof.backup_id
  WHERE backup.dataset = $1 AND proof.repository = $2 AND backup.state = 'completed'
    AND (proof.attempt_key IS NULL OR proof.attempt_key = backup.attempt_key)`;

const OF_BACKUPS = `
  SELECT proof.*
  FROM holdfast.proofs AS proof
  JOIN holdfast.backups AS backup ON backup.id = proof.backup_id
  WHERE proof.backup_id = ANY ($1) AND (proof.attempt_key IS NULL OR proof.attempt_key = backup.attempt_key)`;

const LOCK_COPY = `
  SELECT copy.*
  FROM holdfast.backup_copies AS copy
  JOIN holdfast.backups AS backup ON backup.id = copy.backup_id AND backup.state = 'completed'
  WHERE copy.backup_id = $1 AND copy.repository = $2
  FOR UPDATE OF copy`;

const SET_STANDING = `
  UPDATE holdfast.backup_copies
  SET state = $3, damage = $4, verified_at = $5, checked_at = $6
  WHERE backup_id = $1 AND repository = $2`;

const SET_VERIFIED = `
  UPDATE holdfast.backups
  SET verified_at = (SELECT max(verified_at) FROM holdfast.backup_copies WHERE backup_id = $1)
  WHERE id = $1`;

const NAMED = `
  SELECT copy.backup_id AS "backupId", copy.repository, backup.attempt_key AS "attemptKey",
         copy.damage, backup.manifest -> 'objects' AS objects
  FROM holdfast.backup_copies AS copy
  JOIN holdfast.backups AS backup ON backup.id = copy.backup_id
  WHERE backup.dataset = $1 AND copy.repository = $2 AND backup.state = 'completed' AND copy.state <> 'expired'`;

const COUNT_DAMAGED = `
  SELECT backup.dataset, count(*) FILTER (WHERE copy.state = 'damaged')::int AS damaged
  FROM holdfast.backups AS backup
  JOIN holdfast.backup_copies AS copy ON copy.backup_id = backup.id
  WHERE backup.state = 'completed'
  GROUP BY backup.dataset`;

export const proofStore = (sql: Sql) => ({
  /** Idempotent; of a backup that the catalog does not know nothing is kept: its repository is the truth. */
  record: async ({ backupId, repository, runId, attemptKey, provenAt, verdict, probes }: NewProof): Promise<void> => {
    const slim = probes.map((each) => ({
      ...{ probe: each.probe, verdict: each.verdict },
      evidence: each.evidence.flatMap(({ subject, problem }) => (problem === undefined ? [] : [{ subject, problem }])),
    }));
    await sql.affected(RECORD, [backupId, repository, runId, attemptKey, provenAt, verdict, toJsonb(slim)]);
  },

  /** Of every backup of a dataset in one repository, by backup. */
  ofDataset: async (dataset: string, repository: string): Promise<ReadonlyMap<string, readonly Proof[]>> => {
    const entries = await sql.entities(ProofEntry, OF_DATASET, [dataset, repository]);
    const byBackup = Map.groupBy(entries, ({ backupId }) => String(backupId));
    return new Map([...byBackup].map(([id, of]) => [id, of.map(toProof)]));
  },

  of: async ({ backupId, repository }: CopyRef): Promise<Proof[]> => {
    const entries = await sql.entities(ProofEntry, OF_BACKUPS, [[backupId]]);
    return entries.filter((entry) => entry.repository === repository).map(toProof);
  },

  /** By `backup repository`. */
  ofCopies: async (ids: readonly BackupId[]): Promise<ReadonlyMap<string, readonly Proof[]>> => {
    const entries = await sql.entities(ProofEntry, OF_BACKUPS, [ids]);
    const byCopy = Map.groupBy(entries, ({ backupId, repository }) => `${backupId} ${repository}`);
    return new Map([...byCopy].map(([copy, of]) => [copy, of.map(toProof)]));
  },

  /** Of a completed backup, locked until the transaction ends: who weighs proofs does it one after another. */
  lockCopy: async ({ backupId, repository }: CopyRef): Promise<BackupCopy | undefined> => {
    const [copy] = await sql.entities(BackupCopy, LOCK_COPY, [backupId, repository]);
    return copy;
  },

  setStanding: async (
    { backupId, repository }: CopyRef,
    { damage, verifiedAt, checkedAt }: { damage: CopyDamage | null; verifiedAt: Date | null; checkedAt: Date | null },
  ): Promise<void> => {
    const state = damage === null ? 'present' : 'damaged';
    const json = damage === null ? null : toJsonb(damage);
    await sql.affected(SET_STANDING, [backupId, repository, state, json, verifiedAt, checkedAt]);
    await sql.affected(SET_VERIFIED, [backupId]);
  },

  /** What a listing of the repository has to show. */
  named: (dataset: string, repository: string): Promise<NamedCopy[]> =>
    sql.rows<NamedCopy>(NAMED, [dataset, repository]),

  countDamaged: (): Promise<DamagedCount[]> => sql.rows<DamagedCount>(COUNT_DAMAGED),
});
