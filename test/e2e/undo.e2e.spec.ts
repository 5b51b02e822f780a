import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { withPgSession } from '#common/engines/postgres/pg-session.js';
import { postgresEngine } from '#common/engines/postgres/postgres.engine.js';
import { takeBackup } from '#common/operations/take-backup.js';
import { withDatabase } from '#common/pg/connection.js';
import { BackupTestBed } from '#common/testing/backup-test-bed.js';
import { RunningArchiver } from '#common/testing/running-archiver.js';
import { ThrowawayCluster } from '#common/testing/throwaway-cluster.js';
import { waitUntil } from '#tools/platform/wait-until.js';
import { holdfast } from '../support/cli.js';

const { signal } = new AbortController();

let bed: BackupTestBed;
let cluster: ThrowawayCluster;
let archiver: RunningArchiver;
let root: string;
let configFile: string;
const env: Record<string, string> = { PATH: process.env['PATH'] ?? '' };

const shop = <Row extends object>(statement: string): Promise<Row[]> =>
  withPgSession(withDatabase(cluster.connection, 'shop'), { signal, applicationName: 'spec' }, (session) =>
    session.query<Row>(statement),
  );

/** Neither a catalog nor a bus is in the configuration. */
beforeAll(async () => {
  bed = await BackupTestBed.create();
  cluster = await ThrowawayCluster.create({ segmentMegabytes: 1 });
  root = await cluster.createFolder('beside');
  await cluster.query('CREATE DATABASE shop');
  await shop('CREATE TABLE orders AS SELECT id, md5(id::text) AS note FROM generate_series(1, 500) id');
  await shop('ALTER TABLE orders ADD PRIMARY KEY (id)');
  archiver = new RunningArchiver(cluster, bed.repository);
  await takeBackup(bed.attempt(cluster.dataset(), { method: 'base' }), bed.depsOf(postgresEngine()), signal);
  const { user, password, port, binDir } = cluster;
  env['SHOP_URL'] = `postgres://${user}:${password}@127.0.0.1:${port}/shop`;
  const server = { kind: 'postgres', url: '${env:SHOP_URL}', toolDirectories: [binDir] };
  const accepts = { datasets: ['shop'], strategies: ['in-place'], destinations: ['shop'] };
  configFile = join(bed.folder, 'holdfast.json');
  await writeFile(
    configFile,
    JSON.stringify({
      repositories: { disk: { url: pathToFileURL(join(bed.folder, 'repository')).href } },
      datasets: { shop: { ...server, repositories: ['disk'], wal: { mode: 'stream' } } },
      targets: { live: { ...server, recoveryDirectory: root, accepts } },
    }),
  );
}, 120_000);

afterAll(async () => {
  await archiver?.kill();
  await cluster?.remove();
  await bed?.remove();
});

const cli = (args: readonly string[], stop?: AbortSignal) => holdfast([...args, '--config', configFile], env, stop);
const stages = async (): Promise<string[]> => (await readdir(root)).filter((name) => name.startsWith('.holdfast-'));

describe('with neither catalog nor bus the command line', () => {
  it('finds the transaction that emptied a table, and brings the rows back', async () => {
    const from = new Date(Date.now() - 60_000).toISOString();
    await shop('TRUNCATE orders');
    await shop(`INSERT INTO orders VALUES (501, 'since')`);
    await archiver.until(await cluster.lsn());
    await archiver.untilComplete();
    const to = new Date().toISOString();
    const found = await cli(['wal', 'search', 'shop', '--table', 'orders', '--from', from, '--to', to]);
    expect(found).toMatchObject({ exitCode: 0, stderr: '' });
    const [, next = ''] = /(holdfast undo plan .*)/.exec(found.stdout) ?? [];
    expect(found.stdout).toMatch(/public[.]orders +truncate/);
    const asked = next.replace('<target>', 'live').split(' ').slice(1);
    const planned = await cli(asked);
    expect(planned).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/public[.]orders +500 +0 +1/) });
    expect(await shop('SELECT id FROM orders')).toEqual([{ id: 501 }]);
    const done = await cli(asked.map((word) => (word === 'plan' ? 'run' : word)));
    expect(done).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('500 rows brought back') });
    const [row] = await shop<{ n: number; good: number }>(
      'SELECT count(*)::int AS n, count(*) FILTER (WHERE note = md5(id::text))::int AS good FROM orders',
    );
    expect(row).toEqual({ n: 501, good: 500 });
    expect(await stages()).toEqual([]);
  }, 180_000);

  it('leaves neither server nor files of an undo that is killed', async () => {
    const stop = new AbortController();
    const dying = cli(['undo', 'plan', 'shop', '--target', 'live', '--tables', 'orders', '--to-latest'], stop.signal);
    const findServer = async (): Promise<number> => {
      const [stage = ''] = await stages();
      const text = await readFile(join(root, stage, 'data/postmaster.pid'), 'utf8').catch(() => '');
      return Number.parseInt(text, 10) || 0;
    };
    const pid = await waitUntil('a server recovers', async () => (await findServer()) || undefined);
    stop.abort('kill');
    expect((await dying).exitCode).toBeNull();
    await waitUntil('its files are gone', async () => (await stages()).length === 0);
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  }, 180_000);

  it('refuses a database and a table that no target and no server has', async () => {
    const at = ['--target', 'live', '--to-latest'];
    const foreign = await cli(['undo', 'run', 'shop', ...at, '--tables', 'orders', '--destination', 'other']);
    expect(foreign).toMatchObject({ exitCode: 3, stderr: expect.stringContaining('does not accept') });
    const nowhere = await cli(['undo', 'run', 'shop', ...at, '--tables', 'nowhere']);
    expect(nowhere).toMatchObject({ exitCode: 3, stderr: expect.stringContaining('nowhere is not there any more') });
    const momentless = await cli(['undo', 'run', 'shop', '--target', 'live', '--tables', 'orders']);
    expect(momentless).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('needs the moment before') });
  }, 120_000);
});
