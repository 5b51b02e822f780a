import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import type { Manifest } from '#common/contracts/manifest.js';
import { toUuidV7 } from '#common/domain/ids.js';
import type { ProtectedDataset } from '#common/engines/engine.js';
import type { SharedObjects } from '#common/engines/shared-objects.js';
import { checkContent } from '#common/operations/content/check-content.js';
import { sweepContent } from '#common/operations/content/sweep-content.js';
import { type TakeBackupDeps, takeBackup } from '#common/operations/take-backup.js';
import type { BackupRepository } from '#common/repository/backup-repository.js';
import { backupPrefix } from '#common/repository/layout.js';
import { loadLatestBackup } from '#common/repository/load-backup.js';
import { openRepository } from '#common/repository/open-repository.js';
import { withListedContent } from './listed-content.js';

const { signal } = new AbortController();
const DATASET = 'media';
/** So that a sweep finds something. */
const CHANGED_EVERY = 100;
const ASKED_AT_ONCE = 64;

/** `first`: every content is new. `next`: all but one in a hundred is known from the parent. `expire`: the first is gone, and what only it needed goes. */
export interface ScaleJob {
  readonly kind: 'first' | 'next' | 'check' | 'expire';
  readonly entries: number;
  /** Holds `repository/`, `work/` and `ledger`. */
  readonly folder: string;
}

/** Returns how many references, or deletions, it was. */
export async function doScaleJob({ kind, entries, folder }: ScaleJob): Promise<number> {
  const url = pathToFileURL(join(folder, 'repository')).href;
  const repository = withListedContent(openRepository({ name: 'scale', url }), join(folder, 'ledger'));
  const workDirectory = join(folder, 'work');
  switch (kind) {
    case 'first':
      return (await take(repository, { workDirectory, entries, fill: putAll })).references?.count ?? 0;
    case 'next':
      return (await take(repository, { workDirectory, entries, fill: goOn })).references?.count ?? 0;
    case 'check':
      return check(repository);
    case 'expire': {
      await removeFirst(repository);
      return (await sweepContent(repository, { dataset: DATASET, isDue: true, workDirectory }, signal)).removed;
    }
  }
}

async function check(repository: BackupRepository): Promise<number> {
  const manifest = await loadLatestBackup(repository, { dataset: DATASET, method: 'dump' }, { signal });
  const { count, damaged } = await checkContent(manifest, repository, { signal, withDigests: false });
  if (damaged > 0) throw new Error(`${damaged} objects are damaged`);
  return count;
}

async function removeFirst(repository: BackupRepository): Promise<void> {
  const keys: string[] = [];
  for await (const { key } of repository.list(DATASET, { signal })) if (!key.includes('/content/')) keys.push(key);
  const [first = ''] = keys.sort();
  for (const key of keys.filter((each) => each.startsWith(backupPrefix(DATASET, first.split('/')[1] ?? ''))))
    await repository.remove(key, { signal });
}

type Fill = (shared: SharedObjects, entries: number) => Promise<void>;

const contentOf = (i: number, version: number): Buffer => Buffer.from(`content ${i} in version ${version}`);
const keyOf = (i: number): string => `products/${String(i).padStart(9, '0')}/picture-${i % 7}.jpg`;

async function putAll(shared: SharedObjects, entries: number): Promise<void> {
  const asked = new Set<Promise<void>>();
  const putOne = async (i: number): Promise<void> => {
    const content = await shared.put(async () => contentOf(i, 1));
    shared.list({ key: keyOf(i), etag: `"${i}-1"`, contentType: 'image/jpeg', content });
  };
  for (let i = 0; i < entries; i += 1) {
    while (asked.size >= ASKED_AT_ONCE) await Promise.race(asked);
    const putting = putOne(i).finally(() => asked.delete(putting));
    asked.add(putting);
  }
  await Promise.all(asked);
}

async function goOn(shared: SharedObjects): Promise<void> {
  let i = 0;
  for await (const entry of shared.parent?.inventory() ?? []) {
    const isChanged = i % CHANGED_EVERY === 0;
    const version = i;
    shared.list(isChanged ? { ...entry, content: await shared.put(async () => contentOf(version, 2)) } : entry);
    i += 1;
  }
}

interface Taking {
  readonly workDirectory: string;
  readonly entries: number;
  readonly fill: Fill;
}

function take(repository: BackupRepository, { workDirectory, entries, fill }: Taking): Promise<Manifest> {
  const random = Buffer.from(randomUUID().replaceAll('-', ''), 'hex');
  const dataset: ProtectedDataset = { name: DATASET, compression: { level: 1, threads: 1 } };
  const attempt = {
    ...{ dataset, backupId: toUuidV7(new Date(), random), runId: randomUUID(), attempt: 1, nonce: 'aa' },
    ...{ purpose: 'regular' as const, method: 'dump' as const },
  };
  const engine: TakeBackupDeps['engine'] = {
    kind: 'scale',
    facts: z.object({}),
    methods: [
      {
        name: 'dump',
        byHand: () => [],
        open: async (_, { shared }) => ({
          ...{ busPosition: null, tools: {}, close: async () => undefined, facts: async () => ({}) },
          // biome-ignore lint/correctness/useYield: all that it has are inventory and shared objects.
          async *objects() {
            if (shared !== undefined) await fill(await shared(), entries);
          },
        }),
      },
    ],
    summarise: () => ({
      snapshotAt: new Date().toISOString(),
      source: '',
      sourceSizeBytes: 0,
      counts: {},
      warnings: [],
    }),
  };
  const deps = { engine, repository, clock: () => new Date(), holdfastVersion: '0.1.0', workDirectory };
  return takeBackup(attempt, deps, signal);
}
