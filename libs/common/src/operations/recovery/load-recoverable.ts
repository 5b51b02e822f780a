import { text } from 'node:stream/consumers';
import { BaseFacts } from '#common/contracts/base-facts.js';
import { FACTS_NAME, type Manifest } from '#common/contracts/manifest.js';
import { type OpenedArchive, openArchive } from '#common/engines/postgres/pitr/open-archive.js';
import type { KnownBase } from '#common/engines/postgres/pitr/window.js';
import { AppError } from '#common/errors/app-error.js';
import { listByBackup } from '#common/repository/list-by-backup.js';
import { findAmong, isAboutManifest } from '#common/repository/read-backups.js';
import { baseMaterial, type MaterialDeps } from './base-material.js';

export interface LoadedBase extends KnownBase {
  readonly manifest: Manifest;
}

/** What a dataset's repository can bring back of one cluster. */
export interface LoadedRecoverable extends OpenedArchive {
  readonly systemId: string;
  readonly bases: readonly LoadedBase[];
}

/**
 * Reads every base backup of the cluster that was backed up last, and what is archived of it.
 * Throws: backup.missing when there is none; sealing.*, wal.conflict; repository.*.
 */
export async function loadRecoverable(dataset: string, d: MaterialDeps): Promise<LoadedRecoverable> {
  const { repository, signal } = d;
  const all: LoadedBase[] = [];
  for await (const [backupId, objects] of listByBackup(repository, dataset, { signal })) {
    const base = await findBase({ dataset, backupId, objects }, d);
    // What a copy builds on was made before it; with a hole in its chain it restores nothing.
    const isThere = (id: string): boolean => all.some((each) => each.backupId === id);
    if (base?.manifest.needs.every(isThere)) all.push(base);
  }
  const newest = all.at(-1);
  if (newest === undefined) {
    const hint = `Take one with \`holdfast backup run ${dataset} --method base\`.`;
    throw new AppError('backup.missing', `dataset "${dataset}" has no base backup`, { dataset }, { hint });
  }
  const { systemId } = newest.facts;
  const bases = all.filter(({ facts }) => facts.systemId === systemId);
  return { systemId, bases, ...(await openArchive(dataset, newest.facts, d)) };
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
  if (found === undefined || found.lost.length > 0 || !isPhysical(found.manifest)) return undefined;
  const { manifest } = found;
  keyring.assertOpens(manifest.recipients, `backup ${manifest.backupId}`);
  const raw =
    manifest.facts ??
    JSON.parse(await text(await baseMaterial(manifest, { repository, keyring, signal }).open(FACTS_NAME)));
  const facts = BaseFacts.safeParse(raw);
  return facts.success ? { backupId: manifest.backupId, facts: facts.data, manifest } : undefined;
}

/** By what its restore reads, which is never sealed. */
const isPhysical = ({ kind, requires }: Manifest): boolean =>
  kind === 'postgres' && requires.some((range) => range.kind === 'wal');
