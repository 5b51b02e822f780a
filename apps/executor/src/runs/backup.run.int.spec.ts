import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { BackupId } from '#common/domain/ids.js';
import { findBackup } from '#common/repository/read-backups.js';
import { BackupTestBed } from '#common/testing/backup-test-bed.js';
import { RunTestBed } from '#common/testing/run-test-bed.js';
import { ScratchDatabase } from '#common/testing/scratch-database.js';
import { backupRun } from './backup.run.js';

const { signal } = new AbortController();

let scratch: ScratchDatabase;
let backups: BackupTestBed;
let bed: RunTestBed;
beforeAll(async () => {
  scratch = await ScratchDatabase.create('postgres18', 'CREATE TABLE items AS SELECT 1 AS id');
  backups = await BackupTestBed.create();
  const { user, password, host, port } = scratch.connection;
  const url = `postgres://${user}:${password}@${host}:${port}/${scratch.name}`;
  bed = await RunTestBed.open({
    repositories: { disk: { url: pathToFileURL(`${backups.folder}/repository`).href } },
    datasets: { shop: { kind: 'postgres', url, repositories: ['disk'], toolDirectories: [scratch.binDir] } },
  });
});
afterAll(async () => {
  await bed?.close();
  await backups?.remove();
  await scratch?.drop();
});

beforeEach(() => bed.clear());

const attempt = async (): Promise<void> => {
  const handler = backupRun({ ...bed.deps, readBusPosition: async () => undefined, holdfastVersion: '0.1.0' });
  await handler(await bed.claim());
};

const rows = async (): Promise<{ id: BackupId; state: string; attempt: number | null }[]> =>
  (await bed.bed.admin.query('SELECT id, state, attempt FROM holdfast.backups')).rows;

const manifests = async (): Promise<string[]> =>
  (await backups.files()).filter((file) => file.endsWith('manifest.json'));

describe('a backup run whose last transaction fails', () => {
  it('completes run, row and fact together, or none of them', async () => {
    const run = await bed.enqueue('backup', { dataset: 'shop', method: 'dump' });
    await bed.refuse('backup.completed');
    await expect(attempt()).rejects.toThrow();
    const [row] = await rows();
    expect([await bed.stateOf(run), row?.state]).toEqual(['running', 'reserved']);
    expect(await bed.said()).not.toContain('backup.completed');
    // By then the manifest is stored: what the catalog says next is true already.
    expect(await findBackup(backups.repository, 'shop', row?.id ?? '', { signal })).toMatchObject({ attempt: 1 });
  });

  it('is followed by an attempt that adopts its backup and dumps nothing', async () => {
    await bed.enqueue('backup', { dataset: 'shop', method: 'dump' });
    await bed.refuse('backup.completed');
    await expect(attempt()).rejects.toThrow();
    const before = await manifests();
    await scratch.execute('INSERT INTO items VALUES (2)');
    await bed.refuse(undefined);
    await attempt();
    expect(await manifests()).toEqual(before);
    expect(await rows()).toMatchObject([{ state: 'completed', attempt: 1 }]);
    expect((await bed.said()).filter((type) => type === 'backup.completed')).toHaveLength(1);
  });
});
