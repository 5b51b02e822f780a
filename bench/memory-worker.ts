import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Manifest } from '#common/contracts/manifest.js';
import type { PostgresDataset } from '#common/engines/postgres/postgres-dataset.js';
import { spoolObject } from '#common/operations/restore/spool-object.js';
import { openRepository, type RepositoryOptions } from '#common/repository/open-repository.js';
import { Keyring } from '#common/sealing/keyring.js';
import { takeHoldfastBackup } from './holdfast-backup.js';

export type Job =
  | { readonly kind: 'backup'; readonly repository: RepositoryOptions; readonly dataset: PostgresDataset }
  | { readonly kind: 'spool'; readonly repository: RepositoryOptions; readonly manifest: Manifest };

/** The process whose memory is watched: it loads what it needs, says so, does one piece of work, and stays until it is let go. */
process.once('message', (job: Job) => {
  void work(job).then((manifest) => process.send?.(manifest));
});
process.send?.('ready');

async function work(job: Job): Promise<Manifest> {
  const repository = openRepository(job.repository);
  try {
    return job.kind === 'backup'
      ? await takeHoldfastBackup(job.dataset, repository)
      : await spool(job.manifest, repository);
  } finally {
    await repository.close();
  }
}

/** What a restore does before the first statement: every object, its digest checked, decompressed into a file. */
async function spool(manifest: Manifest, repository: ReturnType<typeof openRepository>): Promise<Manifest> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-bench-'));
  const { signal } = new AbortController();
  try {
    for (const object of manifest.objects)
      await spoolObject(object, repository, join(folder, object.name), { signal, keyring: Keyring.empty });
    return manifest;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
