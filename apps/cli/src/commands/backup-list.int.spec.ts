import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { HoldfastConfig } from '#common/config/holdfast.config.js';
import type { BackupListView, ListedBackupView } from '#common/contracts/api-views.js';
import { Installation } from '#common/service/installation.js';
import { Output } from '../output/output.js';
import type { VerbContext } from '../verb.js';
import { backupList } from './backup-list.js';

const COUNT = 2_100;

const backup = (number: number): ListedBackupView => ({
  ...{ id: `018f0000-0000-7000-8000-${String(number).padStart(12, '0')}`, dataset: 'shop', repository: 'gone' },
  ...{ method: 'dump', purpose: 'regular', snapshotAt: '2026-01-01T00:00:00Z', completedAt: '2026-01-01T00:01:00Z' },
  ...{ sizeBytes: 10, databaseSizeBytes: 20, tables: 3, rows: 4, busPosition: 'none', state: 'whole', damage: [] },
  ...{ lastVerdict: null, verifiedAt: null, holds: null, deletion: null, isLatest: false, isInCatalog: true },
});
const all = Array.from({ length: COUNT }, (_, index) => backup(COUNT - index));

/** As the scheduler answers: at most a thousand at once. */
const api = {
  backups: async ({ limit, before }: { limit: number; before: string | null }): Promise<BackupListView> => {
    expect(limit).toBeLessThanOrEqual(1_000);
    const rest = all.filter(({ id }) => before === null || id < before);
    return { backups: rest.slice(0, limit), total: COUNT };
  },
};

describe('backup list, where only the catalog answers', () => {
  let folder: string;
  let installation: Installation;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'holdfast-list-'));
    const config = {
      repositories: { gone: { url: pathToFileURL(join(folder, 'not-mounted')).href } },
      datasets: { shop: { kind: 'postgres', url: 'postgres://gone.invalid/shop', repositories: ['gone'] } },
    };
    installation = new Installation(HoldfastConfig.parse(config));
  });
  afterAll(async () => {
    await installation?.close();
    await rm(folder, { recursive: true });
  });

  const list = async (options: Readonly<Record<string, unknown>>) => {
    const { signal } = new AbortController();
    const context = { installation, api, output: new Output(true), signal } as unknown as VerbContext;
    const { document, text } = await backupList.run(context, options, '');
    const { backups, total } = document as BackupListView;
    return { shown: backups.length, total, last: text.split('\n').at(-1) };
  };

  it.each([
    [{}, 50, `${COUNT - 50} older ones (--limit ${COUNT})`],
    [{ limit: '64' }, 64, `${COUNT - 64} older ones (--limit ${COUNT})`],
    [{ limit: '2050' }, 2_050, `50 older ones (--limit ${COUNT})`],
  ])('ends with what it left out, also for programs: %j', async (options, shown, last) => {
    expect(await list(options)).toEqual({ shown, total: COUNT, last });
  });

  it('shows all when it may', async () => {
    const { shown, total, last } = await list({ limit: '3000' });
    expect([shown, total]).toEqual([COUNT, COUNT]);
    expect(last).toContain('018f0000-0000-7000-8000-000000000001');
  });
});
