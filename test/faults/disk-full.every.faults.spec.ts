import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openRepository } from '#common/repository/open-repository.js';
import { waitUntil } from '#tools/platform/wait-until.js';
import { endpoints } from '#tools/services/endpoints.js';
import { ask, causedBy } from '../support/request.js';
import { Cluster } from './support/cluster.js';
import { findBroken } from './support/invariants.js';
import { conclude } from './support/report.js';
import { canMount, TightDisk } from './support/tight-disk.js';
import { backupOf, doWork, restoreNew } from './support/works.js';

const { binDir } = endpoints.postgres18;
const onDisk = canMount ? describe : describe.skip;

let restores = 0;
let disk: TightDisk;
let cluster: Cluster;

const shelfOf = ({ folder }: TightDisk): string => join(folder, 'shelf');

async function begin(config: (disk: TightDisk) => Readonly<Record<string, object>>, hasBulk: boolean): Promise<void> {
  disk = await TightDisk.mount(24);
  await mkdir(shelfOf(disk));
  cluster = await Cluster.start({ apps: ['scheduler', 'executor'], hasBulk, config: config(disk) });
}

async function end(): Promise<void> {
  await cluster?.close();
  await disk?.close();
}

onDisk('a disk that fills up where archives are spooled', () => {
  beforeAll(() => begin(({ folder }) => ({ executor: { workDirectory: folder } }), true), 120_000);
  afterAll(end);

  it.each([{ when: 'before the spooling begins' }, { when: 'in the middle of it' }])(
    '$when fails the restore, leaves nothing, and the next one works',
    async ({ when }) => {
      await doWork(cluster, backupOf('bulk'));
      const { storage } = cluster.replicaOf('executor').gates;
      const held = storage.holdAfter({ method: 'GET', key: /dump[.]zst$/ });
      if (when === 'before the spooling begins') await disk.fill();
      restores += 1;
      const database = `${cluster.id}_full${restores}`;
      const asked = await ask(cluster, 'restore.requested', {
        dataset: 'bulk',
        target: 'staging',
        destination: database,
      });
      if (when !== 'before the spooling begins') {
        await held.reached;
        await disk.fill();
      }
      held.release();
      const failed = await cluster.next('restore.failed', causedBy(asked));
      const row = { fault: 'disk full', step: `restore (new): ${when}`, recoverySeconds: null };
      const broken = await conclude(row, async () => {
        await disk.drain();
        const left = (await readdir(disk.folder)).filter((name) => name !== 'shelf');
        const next = await ask(cluster, 'restore.requested', {
          dataset: 'bulk',
          target: 'staging',
          destination: database,
        });
        await cluster.next('restore.completed', causedBy(next));
        return [
          ...(failed.data.error.code === 'restore.spool-full' ? [] : [`it failed with ${failed.data.error.code}`]),
          ...left.map((name) => `${name} is left on the disk`),
          ...(await findBroken(cluster, [asked, next])),
        ];
      });
      expect(broken).toEqual([]);
    },
    120_000,
  );
});

onDisk('a disk that fills up where the repository is', () => {
  const signal = AbortSignal.timeout(240_000);
  const toConfig = (on: TightDisk) => ({
    repositories: { shelf: { url: `file://${shelfOf(on)}` } },
    datasets: {
      shelved: { kind: 'postgres', url: '${env:SHOP_URL}', repositories: ['shelf'], toolDirectories: [binDir] },
    },
    targets: {
      shelf: {
        ...{ kind: 'postgres', url: '${env:TARGET_URL}', toolDirectories: [binDir], privileges: 'keep' },
        accepts: { datasets: ['shelved'], strategies: ['new'], destinations: ['e2e_*'] },
      },
    },
  });
  beforeAll(() => begin(toConfig, false), 120_000);
  afterAll(end);

  it('delays the backup until there is room, and leaves nothing readable of what did not fit', async () => {
    await doWork(cluster, { ...backupOf('shop'), ask: () => ask(cluster, 'backup.requested', { dataset: 'shelved' }) });
    await disk.fill();
    const asked = await ask(cluster, 'backup.requested', { dataset: 'shelved' });
    const hasFailedOnce = `SELECT FROM holdfast.runs WHERE dataset = 'shelved' AND state = 'queued' AND attempt > 0`;
    await waitUntil('the first attempt has failed', async () => (await cluster.catalog(hasFailedOnce)).length > 0, {
      explain: () => cluster.explain(),
    });
    const full = await manifests();
    await disk.drain();
    const drainedAtMs = performance.now();
    const done = await cluster.next('backup.completed', causedBy(asked), { timeoutMs: 90_000 });
    const recoverySeconds = Math.round((done.seenAtMs - drainedAtMs) / 100) / 10;
    const broken = await conclude(
      { fault: 'disk full', step: 'backup: file repository', recoverySeconds },
      async () => {
        const now = await manifests();
        return [
          ...(full.length === 1 ? [] : [`${full.length} manifests while the disk was full`]),
          ...(now.length === 2 ? [] : [`${now.length} manifests after two backups`]),
          ...(now.some((key) => key === done.data.manifestKey) ? [] : [`${done.data.manifestKey} is not there`]),
        ];
      },
    );
    expect(broken).toEqual([]);
    const restored = { ...restoreNew, ask: () => askShelved(`${cluster.id}_shelved`) };
    await doWork(cluster, restored);
  }, 180_000);

  const askShelved = (database: string) =>
    ask(cluster, 'restore.requested', { dataset: 'shelved', target: 'shelf', destination: database });

  async function manifests(): Promise<string[]> {
    const repository = openRepository({ name: 'shelf', url: `file://${shelfOf(disk)}` });
    const keys: string[] = [];
    for await (const { key } of repository.list('', { signal })) if (key.endsWith('/manifest.json')) keys.push(key);
    return keys;
  }
});
