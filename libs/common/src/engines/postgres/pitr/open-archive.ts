import { z } from 'zod';
import { type BaseFacts, TimelineId } from '#common/contracts/base-facts.js';
import { Instant, LsnText } from '#common/contracts/names.js';
import { headKey, WalArchive } from '#common/engines/postgres/wal/wal-archive.js';
import { AppError } from '#common/errors/app-error.js';
import type { BackupRepository } from '#common/repository/backup-repository.js';
import { readObject } from '#common/repository/read-object.js';
import type { Keyring } from '#common/sealing/keyring.js';
import { readPaths } from './timeline-paths.js';
import type { Recoverable } from './window.js';

export interface ArchiveDeps {
  readonly repository: BackupRepository;
  readonly keyring: Keyring;
  readonly signal: AbortSignal;
}

/** What is archived of one cluster. */
export interface OpenedArchive extends Omit<Recoverable, 'bases'> {
  readonly archive: WalArchive;
}

/** Reads what is archived of the cluster of a base backup. Throws: wal.conflict, sealing.*; repository.*. */
export async function openArchive(
  dataset: string,
  { systemId, segmentBytes }: Pick<BaseFacts, 'systemId' | 'segmentBytes'>,
  { repository, keyring, signal }: ArchiveDeps,
): Promise<OpenedArchive> {
  const archive = await WalArchive.open({ repository, dataset, systemId, segmentBytes }, signal);
  archive.index.assertOneWriter();
  const paths = await readPaths(archive, keyring, signal);
  const head = await readHead(headKey(dataset, systemId), repository, signal);
  return { archive, index: archive.index, paths, head };
}

const Head = z.object({ timeline: TimelineId, lsn: LsnText, at: Instant, segmentBytes: z.int() });

/** Undefined: nothing was ever streamed. Throws: repository.*. */
export async function readHead(
  key: string,
  repository: BackupRepository,
  signal: AbortSignal,
): Promise<Recoverable['head']> {
  try {
    return Head.parse(JSON.parse(Buffer.from(await readObject(repository, key, { signal })).toString('utf8')));
  } catch (error) {
    if (error instanceof AppError && error.code === 'repository.object-missing') return undefined;
    throw error;
  }
}
