import type { Manifest } from '#common/contracts/manifest.js';
import { readHead } from '#common/engines/postgres/pitr/open-archive.js';
import { readPaths } from '#common/engines/postgres/pitr/timeline-paths.js';
import {
  findHoles,
  findWindows,
  type KnownBase,
  type RecoveryHole,
  type RecoveryWindow,
} from '#common/engines/postgres/pitr/window.js';
import { headKey, WalArchive } from '#common/engines/postgres/wal/wal-archive.js';
import type { TimelinePath } from '#common/engines/postgres/wal/wal-start.js';
import { AppError } from '#common/errors/app-error.js';
import type { BackupRepository } from '#common/repository/backup-repository.js';
import { Keyring } from '#common/sealing/keyring.js';
import { listPhysical } from './list-physical.js';

/** To which moments a dataset can be recovered. */
export interface Reach {
  readonly systemId: string;
  readonly head: Awaited<ReturnType<typeof readHead>>;
  /** Of archived WAL. */
  readonly segments: number;
  readonly windows: readonly RecoveryWindow[];
  readonly holes: readonly RecoveryHole[];
}

/**
 * Reads it from manifests and a listing of the archive, of the cluster that was backed up last. Needs no identity: without one, how a timeline
 * came about is unknown in an encrypted repository, and each counts by itself. Undefined: there is no physical backup. Throws: wal.conflict; repository.*.
 */
export async function readReach(
  dataset: string,
  { repository, signal }: { readonly repository: BackupRepository; readonly signal: AbortSignal },
): Promise<Reach | undefined> {
  const all = (await listPhysical(dataset, { repository, signal })).flatMap(toKnown);
  const systemId = all.at(-1)?.systemId;
  if (systemId === undefined) return undefined;
  const bases = all.filter((base) => base.systemId === systemId);
  const head = await readHead(headKey(dataset, systemId), repository, signal);
  // Without a head nothing is archived, whatever the size of its segments would be.
  const segmentBytes = head?.segmentBytes ?? 1 << 24;
  const archive = await WalArchive.open({ repository, dataset, systemId, segmentBytes }, signal);
  archive.index.assertOneWriter();
  const paths = await readKnownPaths(archive, await Keyring.of(repository), signal);
  const windows = findWindows({ bases, index: archive.index, paths, head });
  const runs = archive.index.timelineIds.flatMap((timeline) => archive.index.runs(timeline));
  const segments = runs.reduce((sum, { first, last }) => sum + Number(last - first) + 1, 0);
  return { systemId, head, segments, windows, holes: findHoles(windows) };
}

interface OfCluster extends KnownBase {
  readonly systemId: string;
}

/** A physical backup brings the WAL along that makes it consistent. */
const toKnown = ({ backupId, snapshotAt: takenAt, requires }: Manifest): OfCluster[] =>
  requires.map(({ systemId, timeline, startLsn, endLsn }) => ({
    ...{ backupId, systemId, facts: { takenAt, timeline, startLsn, endLsn, walIncluded: true } },
  }));

async function readKnownPaths(
  archive: WalArchive,
  keyring: Keyring,
  signal: AbortSignal,
): Promise<ReadonlyMap<number, TimelinePath>> {
  return readPaths(archive, keyring, signal).catch((error: unknown) => {
    if (!(error instanceof AppError) || !error.code.startsWith('sealing.')) throw error;
    return new Map(archive.index.timelineIds.map((timeline) => [timeline, { timeline, history: [] }]));
  });
}
