import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { withPgSession } from '#common/engines/postgres/pg-session.js';
import { withDatabase } from '#common/pg/connection.js';
import { ScratchDatabase } from '#common/testing/scratch-database.js';
import { Platform } from '#tools/platform/platform.js';
import { endpoints } from '#tools/services/endpoints.js';
import { type CliResult, holdfast } from '../support/cli.js';
import { ask, causedBy } from '../support/request.js';

const { signal } = new AbortController();

let shop: ScratchDatabase;
let platform: Platform;
const kept: string[] = [];

beforeAll(async () => {
  shop = await ScratchDatabase.create(
    'postgres18',
    'CREATE TABLE orders (id int PRIMARY KEY, what text NOT NULL)',
    `INSERT INTO orders SELECT n, 'bought' FROM generate_series(1, 500) AS n`,
  );
  const { user, password = '', host, port } = shop.connection;
  const url = `postgres://${user}:${password}@${host}:${port}/${shop.name}`;
  const toolDirectories = [endpoints.postgres18.binDir];
  platform = await Platform.start({
    secrets: { SHOP_URL: url },
    config: {
      datasets: {
        shop: {
          ...{ kind: 'postgres', url: '${env:SHOP_URL}', repositories: ['storage'], toolDirectories },
          dump: { jobs: 2 },
        },
      },
      targets: {
        live: {
          ...{ kind: 'postgres', url: '${env:SHOP_URL}', toolDirectories, privileges: 'keep' },
          accepts: { datasets: ['shop'], strategies: ['new', 'in-place', 'swap'], destinations: [`${shop.name}*`] },
        },
      },
      profiles: { equal: { probes: ['checksums', 'row-counts', 'fingerprints'].map((use) => ({ use })) } },
    },
  });
}, 120_000);
afterAll(async () => {
  await platform?.close();
  for (const name of kept) await shop.onServer(`DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`);
  await shop?.drop();
});

const cli = (...args: string[]): Promise<CliResult> =>
  holdfast([...args, '--config', platform.configFile], platform.env);
const document = async <T>(...args: string[]): Promise<T> => {
  const { exitCode, stdout, stderr } = await cli(...args, '--json');
  if (exitCode !== 0) throw new Error(`holdfast ${args.join(' ')} exited ${exitCode}: ${stderr}`);
  return JSON.parse(stdout) as T;
};
/** In a session of its own each time, as a client that connects again. */
const onShop = <Row extends object>(text: string, database = shop.name): Promise<Row[]> =>
  withPgSession(withDatabase(shop.connection, database), { signal, applicationName: 'spec' }, (session) =>
    session.query<Row>(text),
  );
const bought = async (): Promise<number> => {
  const [row] = await onShop<{ n: number }>(`SELECT count(*)::int AS n FROM orders WHERE what = 'bought'`);
  return row?.n ?? -1;
};
const backUp = async (data: object = {}): Promise<string> => {
  const asked = await ask(platform, 'backup.requested', { dataset: 'shop', ...data });
  return (await platform.next('backup.completed', causedBy(asked))).data.backupId as string;
};
const restore = async (data: object) => {
  const asked = await ask(platform, 'restore.requested', { dataset: 'shop', target: 'live', ...data });
  return { asked, completed: await platform.next('restore.completed', causedBy(asked)) };
};

interface Kept {
  readonly kept: readonly { readonly name: string; readonly destination: string }[];
}

describe('one table of a database that serves', () => {
  it('comes back by an event from a dump, beside what was written since', async () => {
    const backup = await backUp();
    const shown = await cli('backup', 'show', backup, '--json');
    expect(shown.stdout).toMatch(/\d+\.dat\.zst/);
    await onShop(`DELETE FROM orders; CREATE TABLE since AS SELECT 1 AS id`);
    const { completed } = await restore({ backup, strategy: 'in-place', parts: ['public.orders'] });
    expect(completed.data).toMatchObject({ parts: ['public.orders'], safetyBackupId: expect.any(String) });
    expect([await bought(), await onShop('SELECT id FROM since')]).toEqual([500, [{ id: 1 }]]);
    const beside = `${shop.name}_one`;
    await document(
      'restore',
      'run',
      backup,
      '--target',
      'live',
      '--destination',
      beside,
      '--parts',
      'public.orders',
      '--local',
    );
    kept.push(beside);
    expect(await onShop('SELECT count(*)::int AS n FROM orders', beside)).toEqual([{ n: 500 }]);
    await onShop('DROP TABLE since');
    const { exitCode, stderr } = await cli(
      ...['restore', 'plan', backup, '--target', 'live', '--strategy', 'in-place', '--parts', 'public.nowhere'],
    );
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining('holds no table "public"."nowhere"')]);
  }, 120_000);
});

describe('a database that serves', () => {
  it('is exchanged for a backup of it by an event, verified under its name, and the old one comes back by a command', async () => {
    const backup = await backUp();
    await onShop(`UPDATE orders SET what = 'lost' WHERE id > 100`);
    const { asked, completed } = await restore({ backup, strategy: 'swap', profile: 'equal' });
    const [name = ''] = completed.data.findings['keptDatabases'] as string[];
    kept.push(name);
    expect(await bought()).toBe(500);
    const verified = await platform.next('verification.completed', (event) => event.correlationId === asked.id);
    expect(verified.data).toMatchObject({ verdict: 'passed' });

    expect((await document<Kept>('kept', 'list', 'live')).kept).toEqual([
      expect.objectContaining({ name, destination: shop.name }),
    ]);
    expect((await cli('kept', 'return', 'live', '--name', name)).stdout).toContain('add --yes');
    expect(await bought()).toBe(500);
    await document('kept', 'return', 'live', '--name', name, '--yes');
    expect(await bought()).toBe(100);
    await document('kept', 'release', 'live', '--name', name, '--yes');
    expect((await document<Kept>('kept', 'list', 'live')).kept.filter((each) => each.name === name)).toEqual([]);
    expect((await cli('kept', 'release', 'live', '--name', name, '--yes')).exitCode).toBe(2);
  }, 120_000);

  it('is exchanged with neither bus nor catalog as well', async () => {
    const done = await document<{ restore: { findings: Record<string, string[]> } }>(
      ...['restore', 'run', 'shop@latest', '--target', 'live', '--strategy', 'swap', '--local'],
    );
    const [name = ''] = done.restore.findings['keptDatabases'] ?? [];
    kept.push(name);
    expect(await bought()).toBe(500);
    expect((await cli('check')).stdout).toContain(name);
  }, 120_000);
});
