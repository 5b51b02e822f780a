import type { Manifest } from '#common/contracts/manifest.js';
import type { Candidate } from '#common/domain/points/choose-members.js';
import type { OrderedMember } from '#common/domain/points/member-order.js';
import { readReach } from '#common/operations/recovery/read-reach.js';
import type { BackupRepository } from '#common/repository/backup-repository.js';
import { inspectListed } from '#common/repository/inspect-backup.js';
import { listByBackup } from '#common/repository/list-by-backup.js';
import { findFailure } from '#common/repository/load-backup.js';

export interface MomentsQuestion extends OrderedMember {
  /** Undefined: any. */
  readonly method: string | undefined;
  /** Archived changes lead on from its physical backups. */
  readonly isArchived: boolean;
}

/** What a member can be brought back to, from its repository alone. */
export interface Moments extends Candidate {
  /** Of the backups behind `moments`; the newest of one moment counts. */
  readonly backups: ReadonlyMap<number, Manifest>;
}

/** Whole regular backups without a proof against them, and the spans that archived changes reach. Throws: repository.*, wal.conflict. */
export async function listMoments(
  { dataset, refersTo, method, isArchived }: MomentsQuestion,
  repository: BackupRepository,
  signal: AbortSignal,
): Promise<Moments> {
  const backups = new Map<number, Manifest>();
  let isPhysical = method === undefined;
  for await (const [backupId, objects] of listByBackup(repository, dataset, { signal })) {
    const found = await inspectListed(repository, { dataset, backupId, objects }, { signal });
    const { manifest } = found;
    if (manifest === undefined || found.damage !== undefined || found.isMarked) continue;
    if (manifest.purpose !== 'regular' || (method !== undefined && manifest.method !== method)) continue;
    if ((await findFailure(repository, found, { signal })) !== undefined) continue;
    isPhysical ||= manifest.requires.length > 0;
    backups.set(Date.parse(manifest.snapshotAt), manifest);
  }
  const reach = isArchived && isPhysical ? await readReach(dataset, { repository, signal }) : undefined;
  const spans = (reach?.windows ?? []).flatMap(({ from, to }) =>
    to.at === null ? [] : [{ fromMs: Date.parse(from.at), toMs: Date.parse(to.at) }],
  );
  return { dataset, refersTo, moments: [...backups.keys()], spans, backups };
}
