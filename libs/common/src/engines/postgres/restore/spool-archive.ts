import { mkdir, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { SnapshotFacts } from '#common/contracts/snapshot-facts.js';
import type { RestoreOrder } from '#common/engines/engine.js';
import type { Material } from '#common/engines/material.js';
import { TOC } from '#common/engines/postgres/dump/directory/directory-toc.js';
import { ARCHIVE, FOLDER } from '#common/engines/postgres/dump/dump-by-hand.js';
import type { PostgresTarget } from '#common/engines/postgres/postgres-dataset.js';
import { inFlight } from '#common/pipeline/in-flight.js';

/**
 * The archive of a dump on this machine, every byte of it checked: a file, or a folder that holds a file for each table. Files come several at once, as many as the target
 * restores at once. Throws: backup.corrupt, restore.spool-full, sealing.*, repository.*.
 */
export async function spoolArchive(
  { manifest, target }: Pick<RestoreOrder<PostgresTarget, SnapshotFacts>, 'manifest' | 'target'>,
  material: Pick<Material, 'spool'>,
): Promise<string> {
  if (manifest.snapshot.archive === undefined) return material.spool(ARCHIVE);
  const names = manifest.objects.map(({ name }) => name.replace(/(\.zst)?(\.age)?$/, ''));
  const files = names.filter((name) => /^(?:toc|\d+)\.dat$/.test(name));
  const toc = await material.spool(TOC);
  const folder = join(dirname(toc), FOLDER);
  await mkdir(folder, { mode: 0o700 });
  await rename(toc, join(folder, TOC));
  const others = files.filter((name) => name !== TOC);
  await inFlight(each(others), target.jobs, async (name) => rename(await material.spool(name), join(folder, name)));
  return folder;
}

async function* each(names: readonly string[]): AsyncGenerator<string, void, void> {
  yield* names;
}
