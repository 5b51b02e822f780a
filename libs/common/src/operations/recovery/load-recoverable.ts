import { z } from 'zod';
import { BaseFacts, TimelineId } from '#common/contracts/base-facts.js';
import { FACTS_NAME, type Manifest } from '#common/contracts/manifest.js';
import { Instant, LsnText } from '#common/contracts/names.js';
import { readPaths } from '#common/engines/postgres/pitr/timeline-paths.js';
import type { KnownBase, Recoverable } from '#common/engines/postgres/pitr/window.js';
import { headKey, WalArchive } from '#common/engines/postgres/wal/wal-archive.js';
import { AppError } from '#common/errors/app-error.js';
import { listByBackup } from '#common/repository/list-by-backup.js';
import { findAmong, isAboutManifest } from '#common/repository/read-backups.js';
import { readObject } from '#common/repository/read-object.js';
import { baseMaterial, type MaterialDeps } from './base-material.js';

export interface LoadedBase extends KnownBase {
  readonly manifest: Manifest;
}

/** What a dataset's repository can bring back of one cluster. */
export interface LoadedRecoverable extends Recoverable {
  readonly systemId: string;
  readonly bases: readonly LoadedBase[];
  readonly archive: WalArchive;
}

/**
 * Reads every base backup of the cluster that was backed up last, and what is archived of it.
 * Throws: backup.missing when there is none; sealing.*, wal.conflict; repository.*.
 */
export async function loadRecoverable(dataset: string, d: MaterialDeps): Promise<LoadedRecoverable> {
  const { repository, keyring, signal } = d;
  const all: LoadedBase[] = [];
  for await (const [backupId, objects] of listByBackup(repository, dataset, { signal })) {
    const base = await findBase({ dataset, backupId, objects }, d);
    if (base !== undefined) all.push(base);
  }
  const newest = all.at(-1);
  if (newest === undefined) {
    const hint = `Take one with \`holdfast backup run ${dataset} --method base\`.`;
    throw new AppError('backup.missing', `dataset "${dataset}" has no base backup`, { dataset }, { hint });
  }
  const { systemId, segmentBytes } = newest.facts;
  const archive = await WalArchive.open({ repository, dataset, systemId, segmentBytes }, signal);
  archive.index.assertOneWriter();
  const paths = await readPaths(archive, keyring, signal);
  const bases = all.filter(({ facts }) => facts.systemId === systemId);
  return { systemId, bases, archive, index: archive.index, paths, head: await readHead(dataset, systemId, d) };
}

async function findBase(
  listed: Parameters<typeof findAmong>[1],
  { repository, keyring, signal }: MaterialDeps,
): Promise<LoadedBase | undefined> {
  const found = await findAmong(repository, listed, { signal }).catch((error: unknown) => {
    if (isAboutManifest(error)) return undefined;
    throw error;
  });
  // One that lost an object restores nothing; `backup check` tells of it.
  if (found === undefined || found.lost.length > 0 || found.manifest.method !== 'base') return undefined;
  const { manifest } = found;
  keyring.assertOpens(manifest.recipients, `backup ${manifest.backupId}`);
  const raw =
    manifest.facts ??
    JSON.parse((await baseMaterial(manifest, { repository, keyring, signal }).read(FACTS_NAME)).toString());
  const facts = BaseFacts.safeParse(raw);
  return facts.success ? { backupId: manifest.backupId, facts: facts.data, manifest } : undefined;
}

const Head = z.object({ timeline: TimelineId, lsn: LsnText, at: Instant, segmentBytes: z.int() });

async function readHead(
  dataset: string,
  systemId: string,
  { repository, signal }: MaterialDeps,
): Promise<Recoverable['head']> {
  try {
    const bytes = await readObject(repository, headKey(dataset, systemId), { signal });
    return Head.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
  } catch (error) {
    if (error instanceof AppError && error.code === 'repository.object-missing') return undefined;
    throw error;
  }
}
