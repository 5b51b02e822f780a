import { text } from 'node:stream/consumers';
import { BaseFacts } from '#common/contracts/base-facts.js';
import { FACTS_NAME, type Manifest } from '#common/contracts/manifest.js';
import { type OpenedArchive, openArchive } from '#common/engines/postgres/pitr/open-archive.js';
import type { KnownBase } from '#common/engines/postgres/pitr/window.js';
import { AppError } from '#common/errors/app-error.js';
import { baseMaterial, type MaterialDeps } from './base-material.js';
import { listPhysical } from './list-physical.js';

export interface LoadedBase extends KnownBase {
  readonly facts: BaseFacts;
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
  const all: LoadedBase[] = [];
  for (const manifest of await listPhysical(dataset, d)) {
    const base = await readBase(manifest, d);
    if (base !== undefined) all.push(base);
  }
  const newest = all.at(-1);
  if (newest === undefined) throw toNoBaseError(dataset);
  const { systemId } = newest.facts;
  const bases = all.filter(({ facts }) => facts.systemId === systemId);
  return { systemId, bases, ...(await openArchive(dataset, newest.facts, d)) };
}

async function readBase(
  manifest: Manifest,
  { repository, keyring, signal }: MaterialDeps,
): Promise<LoadedBase | undefined> {
  keyring.assertOpens(manifest.recipients, `backup ${manifest.backupId}`);
  const raw =
    manifest.facts ??
    JSON.parse(await text(await baseMaterial(manifest, { repository, keyring, signal }).open(FACTS_NAME)));
  const facts = BaseFacts.safeParse(raw);
  return facts.success ? { backupId: manifest.backupId, facts: facts.data, manifest } : undefined;
}

export function toNoBaseError(dataset: string): AppError {
  const hint = `Take one with \`holdfast backup run ${dataset} --method base\`.`;
  return new AppError('backup.missing', `dataset "${dataset}" has no base backup`, { dataset }, { hint });
}
