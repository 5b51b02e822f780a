import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { HoldfastConfig } from '#common/config/holdfast.config.js';
import type { BackupListView, ListedBackupView } from '#common/contracts/api-views.js';
import { AppError } from '#common/errors/app-error.js';
import { Exit } from '#common/errors/exit.js';
import { Installation } from '#common/service/installation.js';
import { Output } from '../output/output.js';
import type { VerbContext } from '../verb.js';
import { backupList } from './backup-list.js';

const COUNT = 2_100;

const backup = (number: number): ListedBackupView => ({
  ...{ id: `018f0000-0000-7000-8000-${String(number).padStart(12, '0')}`, dataset: 'shop', repository: 'gone' },
  ...{
    kind: 'postgres',
    method: 'dump',
    purpose: 'regular',
    snapshotAt: '2026-01-01T00:00:00Z',
    completedAt: '2026-01-01T00:01:00Z',
  },
  ...{
    sizeBytes: 10,
    sourceSizeBytes: 20,
    counts: { tables: 3, rows: 4 },
    busPosition: 'none',
    state: 'whole',
    damage: [],
  },
  ...{
    lastVerdict: null,
    verifiedAt: null,
    suspicion: null,
    holds: null,
    deletion: null,
    isLatest: false,
    isInCatalog: true,
  },
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
    const [last, unread] = text.split('\n').slice(-2);
    expect(unread).toMatch(/^repository gone not read, .* \(repository\.missing\)$/);
    return { shown: backups.length, total, last };
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

describe('backup list, where a repository is out of reach', () => {
  // Port 9, "discard": the connection is refused at once.
  const dead = { url: 's3://shop/prod', endpoint: 'http://127.0.0.1:9', accessKeyId: 'key', secretAccessKey: 'secret' };
  const datasets = {
    shop: { kind: 'postgres', url: 'postgres://gone.invalid/shop', repositories: ['offsite'] },
    crm: { kind: 'postgres', url: 'postgres://gone.invalid/crm', repositories: ['offsite'] },
  };
  const installation = new Installation(HoldfastConfig.parse({ repositories: { offsite: dead }, datasets }));
  afterAll(() => installation.close());

  const listWith = (known: readonly ListedBackupView[] | 'no scheduler') => {
    const backups = async ({ dataset }: { readonly dataset: string }): Promise<BackupListView> => {
      if (known === 'no scheduler') throw new AppError('api.unreachable', 'no scheduler answers');
      const found = known.filter((view) => view.dataset === dataset);
      return { backups: found, total: found.length };
    };
    const { signal } = new AbortController();
    const context = { installation, api: { backups }, output: new Output(true), signal } as unknown as VerbContext;
    return backupList.run(context, {}, '');
  };

  it.each([['no scheduler' as const], [[]]])('never shows an empty list for it: %j', async (known) => {
    await expect(listWith(known)).rejects.toMatchObject({
      code: 'repository.unavailable',
      message: expect.stringContaining('repository offsite cannot be read'),
    });
  });

  it('says at the end of what the catalog knows, once, which repository it did not read, and exits as for that', async () => {
    const { document, text, exit } = await listWith([{ ...backup(1), repository: 'offsite' }]);
    expect(exit).toBe(Exit.unreachable);
    expect(document).toMatchObject({
      ...{ backups: [{ id: backup(1).id, state: 'whole' }], total: 1 },
      unread: [{ repository: 'offsite', code: 'repository.unavailable', message: expect.any(String) }],
    });
    expect((document as { unread: unknown[] }).unread).toHaveLength(1);
    expect(text.split('\n').at(-1)).toMatch(/^repository offsite not read, .* \(repository\.unavailable\)$/);
  });
});
