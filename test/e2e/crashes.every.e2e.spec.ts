import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newId, Platform } from '#tools/platform/platform.js';
import { dropDatabases, onServer, ServerLogin } from '#tools/platform/server-login.js';
import { waitUntil } from '#tools/platform/wait-until.js';
import { endpoints } from '#tools/services/endpoints.js';
import { type Asked, ask, causedBy, runOf } from '../support/request.js';
import { findSecrets, listObjects } from '../support/secret-hunt.js';
import { StallingGate } from '../support/stalling-gate.js';

const MIB = 1024 * 1024;
const source = newId();
const { host, port, binDir } = endpoints.postgres18;

let platform: Platform;
let gate: StallingGate;
let backup: ServerLogin;
let target: ServerLogin;

/** Claims that are lost within seconds: what a killed process held goes on in the next one soon. */
const impatient = { maxAttempts: 10, claimTtlMs: 6_000, claimRenewMs: 1_500 };

beforeAll(async () => {
  backup = await ServerLogin.create(`${source}_backup`, 'BYPASSRLS IN ROLE pg_read_all_data');
  target = await ServerLogin.create(`${source}_target`, 'SUPERUSER');
  await onServer('postgres18', 'postgres', `CREATE DATABASE ${source}`);
  await onServer(
    'postgres18',
    source,
    `CREATE TABLE notes AS SELECT n, string_agg(md5(random()::text), '') AS text
     FROM generate_series(1, 8000) n, generate_series(1, 64) GROUP BY n`,
    // A restore that builds this index takes a second and a half, and can be met in the middle.
    `CREATE FUNCTION slowly(n int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS
     'BEGIN PERFORM pg_catalog.pg_sleep(0.5); RETURN n; END'`,
    'CREATE TABLE steps AS SELECT n FROM generate_series(1, 3) n',
    'CREATE INDEX steps_slowly ON steps (slowly(n))',
  );
  gate = await StallingGate.open({ host, port, stallAfterBytes: 8 * MIB });
  const dataset = (url: string) => ({
    ...{ kind: 'postgres', url, repositories: ['storage'], toolDirectories: [binDir] },
    ...{ compression: { level: 1, threads: 1 } },
  });
  platform = await Platform.start({
    services: ['scheduler', 'executor'],
    secrets: {
      ...{ SHOP_URL: backup.url(source), SHOP_PASSWORD: backup.password, GATE_URL: backup.url(source, gate.port) },
      ...{ TARGET_URL: target.url('postgres'), TARGET_PASSWORD: target.password },
    },
    config: {
      executor: impatient,
      datasets: { shop: dataset('${env:SHOP_URL}'), halting: dataset('${env:GATE_URL}') },
      targets: {
        staging: {
          ...{ kind: 'postgres', url: '${env:TARGET_URL}', toolDirectories: [binDir], privileges: 'keep' },
          accepts: { datasets: ['shop'], strategies: ['new'], destinations: [`${source}_*`] },
        },
      },
    },
  });
});

afterAll(async () => {
  await platform?.close();
  await gate?.close();
  await dropDatabases('postgres18', `%${source}%`);
  await backup?.drop();
  await target?.drop();
});

const attemptsOf = async (asked: Asked): Promise<number> => {
  const [run] = await platform.catalog<{ attempt: number }>(
    `SELECT attempt FROM holdfast.runs WHERE id = '${runOf(asked)}'`,
  );
  return run?.attempt ?? 0;
};

const sessionsOf = (asked: Asked, what = '%') =>
  onServer<{ pid: number }>(
    'postgres18',
    'postgres',
    `SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'holdfast ${runOf(asked)}%' AND query LIKE '${what}'`,
  );

const manifestsOf = async (backupId: string): Promise<string[]> =>
  (await listObjects(platform)).filter((key) => key.includes(backupId) && key.endsWith('manifest.json'));

describe('a scheduler that is killed', () => {
  it('delays what is said, loses none of it and says it in order', async () => {
    await platform.app('scheduler').kill();
    const asked = await ask(platform, 'backup.requested', { dataset: 'shop' });
    const state = `SELECT state FROM holdfast.runs WHERE id = '${runOf(asked)}' AND state = 'completed'`;
    await waitUntil('the backup is made', async () => (await platform.catalog(state)).length === 1);
    expect(platform.bus.of('backup.completed', causedBy(asked))).toEqual([]);
    await platform.startApp('scheduler');
    const { data } = await platform.next('backup.completed', causedBy(asked));
    const numbers = () => platform.bus.events.filter(causedBy(asked)).map((event) => event.data.sequence as number);
    await waitUntil('all of it is said', () => numbers().length === data.sequence);
    expect(numbers().sort((one, other) => one - other)).toEqual(Array.from({ length: data.sequence }, (_, n) => n + 1));
  });
});

describe('an executor that is killed in the middle of a backup and a restore', () => {
  const database = `${source}_back`;
  let backingUp: Asked;
  let restoring: Asked;

  beforeAll(async () => {
    backingUp = await ask(platform, 'backup.requested', { dataset: 'halting' });
    await gate.stalled;
    restoring = await ask(platform, 'restore.requested', { dataset: 'shop', target: 'staging', destination: database });
    await waitUntil('the index is being built', async () => (await sessionsOf(restoring, 'CREATE INDEX%')).length > 0);
    await platform.app('executor').kill();
  });

  it('has made nothing that counts', async () => {
    const started = await platform.next('backup.started', causedBy(backingUp));
    expect(await manifestsOf(started.data.backupId)).toEqual([]);
    const there = `SELECT datname FROM pg_database WHERE datname = '${database}'`;
    expect(await onServer('postgres18', 'postgres', there)).toEqual([]);
  });

  it('is followed by one that makes the backup, once', async () => {
    gate.release();
    await platform.startApp('executor');
    const completed = await platform.next('backup.completed', causedBy(backingUp));
    const { backupId, attempt, manifestKey } = completed.data;
    expect(attempt).toBeGreaterThan(1);
    expect(attempt).toBe(await attemptsOf(backingUp));
    expect(await manifestsOf(backupId)).toEqual([`prod/${manifestKey}`]);
    await waitUntil('no session is left', async () => (await sessionsOf(backingUp)).length === 0);
  });

  it('and brings the restore to its end, once, whatever the first left running', async () => {
    const completed = await platform.next('restore.completed', causedBy(restoring));
    expect(completed.data).toMatchObject({ destination: database, attempt: await attemptsOf(restoring) });
    expect(completed.data.attempt).toBeGreaterThan(1);
    const rows = 'SELECT (SELECT count(*) FROM notes)::int AS notes, (SELECT count(*) FROM steps)::int AS steps';
    expect(await onServer('postgres18', database, rows)).toEqual([{ notes: 8000, steps: 3 }]);
    await waitUntil('no session is left', async () => (await sessionsOf(restoring)).length === 0);
    const left = `SELECT datname FROM pg_database WHERE datname LIKE '%${source}%' OR datname LIKE '%${runOf(restoring).replaceAll('-', '')}%'`;
    const names = await onServer<{ datname: string }>('postgres18', 'postgres', left);
    expect(names.map(({ datname }) => datname).sort()).toEqual([source, database]);
  });
});

describe('after a crash', () => {
  it('requests are taken again soon, by the processes that are there', async () => {
    const asked = await ask(platform, 'backup.requested', { dataset: 'shop' });
    await platform.next('backup.completed', causedBy(asked));
  });
});

describe('in the end', () => {
  it('every run said its end once, services stop with exit code 0, and no secret shows anywhere', async () => {
    expect(await platform.stop()).toEqual({ scheduler: 0, executor: 0 });
    const ends = platform.bus.events.filter(({ type }) => /^(backup|restore)[.](completed|failed)$/.test(type));
    expect(ends.map(({ type }) => type).sort()).toEqual([...Array(3).fill('backup.completed'), 'restore.completed']);
    expect(new Set(ends.map(({ data }) => data.runId)).size).toBe(4);
    expect(await findSecrets(platform)).toEqual([]);
  });
});
