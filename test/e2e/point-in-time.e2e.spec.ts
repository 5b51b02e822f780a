import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { withPgSession } from '#common/engines/postgres/pg-session.js';
import { type PgConnection, parsePgUrl, withDatabase } from '#common/pg/connection.js';
import { representative } from '#common/testing/representative.js';
import { type Committed, RowWriter } from '#common/testing/row-writer.js';
import { ThrowawayCluster } from '#common/testing/throwaway-cluster.js';
import { Platform } from '#tools/platform/platform.js';
import { waitUntil } from '#tools/platform/wait-until.js';
import { holdfast } from '../support/cli.js';
import { ask, causedBy } from '../support/request.js';
import { findSecrets } from '../support/secret-hunt.js';

const { signal } = new AbortController();

const writer = new RowWriter();
let cluster: ThrowawayCluster;
let platform: Platform;
let root: string;
/** Made after the first thirty rows. */
let incremental: string;

beforeAll(async () => {
  cluster = await ThrowawayCluster.create({ segmentMegabytes: 1, settings: { summarize_wal: 'on' } });
  root = await cluster.createFolder('recovered');
  await cluster.query('CREATE TABLE numbers (id int PRIMARY KEY, note text)');
  const { user, password, port, binDir } = cluster;
  platform = await Platform.start({
    secrets: { SHOP_URL: `postgres://${user}:${password}@127.0.0.1:${port}/postgres`, SHOP_PASSWORD: password },
    config: {
      datasets: {
        shop: {
          ...{ kind: 'postgres', url: '${env:SHOP_URL}', repositories: ['storage'] },
          ...{ toolDirectories: [binDir], wal: { mode: 'stream' } },
        },
      },
      targets: {
        recovered: {
          ...{ kind: 'postgres-directory', directory: root, leave: 'running', toolDirectories: [binDir] },
          accepts: { datasets: ['shop'], destinations: ['pitr-*', 'drill-*'], drills: true },
        },
        live: {
          ...{ kind: 'postgres', url: '${env:SHOP_URL}', toolDirectories: [binDir], recoveryDirectory: root },
          accepts: { datasets: ['shop'], strategies: ['new', 'in-place'], destinations: ['then_*'] },
        },
      },
      drills: { 'shop-pitr': { dataset: 'shop', method: 'base', target: 'recovered', profile: 'any-time' } },
      profiles: {
        'any-time': {
          probes: [
            { use: 'checksums' },
            // Numbers are committed one after another: at no instant one is missing between others.
            {
              use: 'sql',
              assertions: [{ query: 'SELECT count(*) = coalesce(max(id), 0) FROM numbers', equals: true }],
            },
          ],
        },
        shop: {
          probes: [
            { use: 'checksums' },
            { use: 'sql', assertions: [{ query: 'SELECT count(*) FROM numbers', min: 1 }] },
          ],
        },
      },
      executor: { maxAttempts: 3, claimTtlMs: 3_000, claimRenewMs: 500 },
    },
  });
}, 180_000);
afterAll(async () => {
  await platform?.close();
  await cluster?.remove();
});

const cli = (...args: string[]) => holdfast([...args, '--config', platform.configFile], platform.env);

const restore = async (data: object) => {
  const asked = await ask(platform, 'restore.requested', { dataset: 'shop', target: 'recovered', ...data });
  return (type: string) => platform.next(type, causedBy(asked));
};
const toTime = (at: string) => ({ target: { kind: 'time', at } });

/** Of the server that is left running over what was recovered. */
function rowsOf(destination: string): Promise<number[]> {
  const host = encodeURIComponent(join(root, destination, 'server'));
  return rowsBy(parsePgUrl(`postgres://${cluster.user}@/postgres?host=${host}&port=5432`));
}

/** Of a database of the cluster itself. */
const rowsIn = (database: string): Promise<number[]> => rowsBy(withDatabase(cluster.connection, database));

async function rowsBy(connection: PgConnection): Promise<number[]> {
  const rows = await withPgSession(connection, { signal, applicationName: 'spec' }, (session) =>
    session.query<{ id: number }>('SELECT id FROM numbers ORDER BY id'),
  );
  return rows.map(({ id }) => id);
}

const upTo = ({ id }: Committed): number[] => Array.from({ length: id }, (_, index) => index + 1);

function committed(index: number): Committed {
  const found = writer.committed.at(index);
  if (found === undefined) throw new Error(`no row ${index} was committed`);
  return found;
}

const lines = (): string => platform.tail();

describe('a recovery to a point in time is an ordinary restore', () => {
  it('of a cluster whose WAL an executor archives', async () => {
    await platform.next('archive.resumed');
    const asked = await ask(platform, 'backup.requested', { dataset: 'shop', method: 'base' });
    await platform.next('backup.completed', causedBy(asked));
    writer.begin(cluster);
    await waitUntil('rows are written', async () => writer.committed.length > 30, { explain: lines });
    const upon = await ask(platform, 'backup.requested', { dataset: 'shop', method: 'incremental' });
    const { data } = await platform.next('backup.completed', causedBy(upon));
    expect(data).toMatchObject({ method: 'incremental', warnings: [] });
    incremental = data.backupId;
    const written = writer.committed.length;
    await waitUntil('more is written', async () => writer.committed.length > written + 5, { explain: lines });
    await writer.stop();
    const last = committed(-1);
    const isArchived = async (): Promise<boolean> => {
      const { stdout } = await cli('archive', 'show', 'shop', '--json');
      const { windows } = JSON.parse(stdout) as { windows: { to: { at: string | null } }[] };
      return (windows.at(-1)?.to.at ?? '') > last.after;
    };
    await waitUntil('everything is archived', isArchived, { timeoutMs: 60_000, explain: lines });
  }, 180_000);

  it('is shown with the backups: to which moments it leads', async () => {
    const { stdout } = await cli('backup', 'list', '--local', '--json');
    const { recoverable } = JSON.parse(stdout) as { recoverable: { reach: { windows: object[]; holes: object[] } }[] };
    expect(recoverable).toMatchObject([{ dataset: 'shop', reach: { windows: [{ timeline: 1 }], holes: [] } }]);
    expect((await cli('backup', 'list', '--local')).stdout).toMatch(
      /shop can be recovered to any moment from .* to 20/,
    );
  }, 60_000);

  it('ends with its slot, and a slot of a dataset that is gone is found and dropped', async () => {
    await cluster.query(`SELECT pg_create_physical_replication_slot('holdfast_gone', true)`);
    expect((await cli('check')).stdout).toContain('`holdfast archive stop shop --slot holdfast_gone` drops it');
    const own = await cli('archive', 'stop', 'shop', '--yes');
    expect(own).toMatchObject({
      exitCode: 3,
      stderr: expect.stringContaining('archives through slot "holdfast_shop"'),
    });
    const gone = ['archive', 'stop', 'shop', '--slot', 'holdfast_gone'];
    expect((await cli(...gone)).stdout).toContain('add --yes to drop it');
    expect((await cli(...gone, '--yes')).stdout).toContain('dropped slot "holdfast_gone"');
    expect((await cli(...gone, '--yes')).stderr).toContain('has no slot "holdfast_gone"');
  }, 60_000);

  it('brings back through the bus exactly what was committed before, says what it reached, and is proven', async () => {
    const last = committed(14);
    const next = await restore({ destination: 'pitr-time', recovery: toTime(last.after), profile: 'shop' });
    expect((await next('restore.started')).data.recovery).toMatchObject(toTime(last.after));
    const { data } = await next('restore.completed');
    expect(data).toMatchObject({ method: 'base', recovered: { isOpenForWriting: true, timeline: 2 } });
    const { lastCommitAt } = data.recovered;
    expect(lastCommitAt >= last.before && lastCommitAt <= last.after).toBe(true);
    expect(await rowsOf('pitr-time')).toEqual(upTo(last));
    const verified = await platform.next(
      'verification.completed',
      (event) => event.data.runId === data.verificationRunId,
    );
    expect(verified.data.verdict).toBe('passed');
  }, 120_000);

  const rehearse = {
    'through the bus': async () => {
      const asked = await ask(platform, 'drill.requested', {
        ...{ dataset: 'shop', method: 'base', target: 'recovered', profile: 'any-time' },
      });
      const { data } = await platform.next('drill.completed', causedBy(asked));
      expect(data).toMatchObject({ drill: null, recovered: { isOpenForWriting: true } });
      return data;
    },
    'without the bus': async () => {
      const { stdout, exitCode } = await cli('drill', 'run', 'shop-pitr', '--local', '--json');
      expect([exitCode, exitCode === 0 || stdout]).toEqual([0, true]);
      return JSON.parse(stdout);
    },
  };

  it.each(representative(['through the bus', 'without the bus'] as const))(
    'is rehearsed at an instant of chance, %s, measured, and leaves nothing',
    async (way) => {
      const shown = await rehearse[way]();
      expect(shown).toMatchObject({ isPassed: true, verdict: 'passed', scratchRemoved: true });
      expect(shown).toMatchObject({ recovery: { target: { kind: 'time' } }, rtoMs: expect.any(Number) });
      expect((await readdir(root)).filter((name) => /drill/.test(name))).toEqual([]);
    },
    180_000,
  );

  it('refuses beforehand what cannot be reached, naming the nearest that can, and what says no offset', async () => {
    const late = new Date(Date.now() + 3_600_000).toISOString();
    const outside = await (await restore({ destination: 'pitr-late', recovery: toTime(late) }))('restore.failed');
    expect(outside.data.error).toMatchObject({
      code: 'recovery.outside',
      message: expect.stringContaining('is complete until'),
    });
    const local = await (await restore({ destination: 'pitr-local', recovery: toTime('2026-03-01T12:00:00') }))(
      'restore.rejected',
    );
    expect(local.data.error).toMatchObject({
      code: 'request.invalid',
      message: expect.stringContaining('says no UTC offset'),
    });
    const stranger = await (await restore({ destination: '../etc', recovery: toTime(late) }))('restore.rejected');
    expect(stranger.data.error.code).toBe('request.invalid');
  }, 60_000);

  it('is planned and done by the command line alone', async () => {
    const last = committed(-2);
    const to = ['--target', 'recovered', '--destination', 'pitr-local', '--to-lsn', last.lsn, '--exclusive'];
    const planned = await cli('restore', 'plan', 'shop@latest', ...to);
    expect(planned).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('nothing stands in the way') });
    expect(planned.stdout).toMatch(/builds on +[0-9a-f-]{36}/);
    expect(planned.stdout).toContain(`just before WAL position ${last.lsn}`);
    const done = await cli('restore', 'run', 'shop@latest', ...to, '--profile', 'shop', '--local');
    expect(done).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('open for writing on timeline') });
    expect(done.stdout).toContain('passed');
    expect(await rowsOf('pitr-local')).toEqual(upTo(last));
  }, 120_000);

  it('brings one database back into a server that runs, new or in place of what is there', async () => {
    const [first, second] = [committed(7), committed(-3)];
    const asked = { target: 'live', destination: 'then_1', profile: 'shop' };
    const next = await restore({ ...asked, recovery: toTime(first.after) });
    const { data } = await next('restore.completed');
    expect(data).toMatchObject({ method: 'base', recovered: { lastCommitAt: expect.any(String) } });
    expect(await rowsIn('then_1')).toEqual(upTo(first));
    const verified = await platform.next(
      'verification.completed',
      (event) => event.data.runId === data.verificationRunId,
    );
    expect(verified.data.verdict).toBe('passed');
    const to = ['--target', 'live', '--destination', 'then_1', '--strategy', 'in-place', '--to-time', second.after];
    const again = await holdfast(
      ['restore', 'run', 'shop@latest', ...to, '--wait', '--config', platform.cliConfigFile],
      platform.env,
    );
    expect(again).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('reached WAL position') });
    expect(again.stdout).toMatch(/safetyBackupId +[0-9a-f-]{36}/);
    expect(await rowsIn('then_1')).toEqual(upTo(second));
    expect(await rowsIn('postgres')).toEqual(upTo(committed(-1)));
  }, 180_000);

  it('is refused of a dump, which leads to its own moment alone', async () => {
    const dumped = await ask(platform, 'backup.requested', { dataset: 'shop', method: 'dump' });
    const { data } = await platform.next('backup.completed', causedBy(dumped));
    const wish = { target: 'live', destination: 'then_2', backup: data.backupId, recovery: toTime(committed(3).after) };
    const failed = await (await restore(wish))('restore.failed');
    expect(failed.data.error).toMatchObject({ code: 'request.refused', hint: expect.stringContaining('latest:base') });
  }, 60_000);

  it('is checked beforehand: the folder, and who PostgreSQL runs as', async () => {
    const { stdout } = await cli('check');
    expect(stdout).toContain('target recovered: directory: clusters can be recovered in');
    expect(stdout).toContain('target live: directory: clusters can be recovered in');
    const wrong = await cli(
      'restore',
      'run',
      'shop@latest:dump',
      '--target',
      'recovered',
      '--destination',
      'pitr-dump',
    );
    expect(wrong).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('DATASET@latest:base') });
  }, 60_000);

  it('is done by another attempt when the executor is killed in the middle', async () => {
    const next = await restore({ destination: 'pitr-killed', recovery: { target: { kind: 'latest' } } });
    await next('restore.started');
    await platform.app('executor').kill();
    await platform.startApp('executor');
    const { data } = await next('restore.completed');
    expect(data).toMatchObject({ method: 'incremental', backupId: incremental, recovered: { isOpenForWriting: true } });
    expect(await rowsOf('pitr-killed')).toEqual(upTo(committed(-1)));
  }, 180_000);

  it('goes on with the servers that it left running when executors end, and shows no secret', async () => {
    await platform.app('executor').kill();
    await platform.startApp('executor');
    expect(await rowsOf('pitr-time')).toEqual(upTo(committed(14)));
    expect(await findSecrets(platform)).toEqual([]);
    for (const destination of ['pitr-time', 'pitr-local', 'pitr-killed'])
      await cluster.run('pg_ctl', ['stop', '--silent', '--mode=fast', `--pgdata=${join(root, destination, 'data')}`]);
  }, 120_000);
});
