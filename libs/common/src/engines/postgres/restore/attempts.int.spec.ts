import { randomUUID } from 'node:crypto';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PgSession } from '#common/engines/postgres/pg-session.js';
import type { PostgresManifest } from '#common/engines/postgres/postgres-dataset.js';
import { restoreInPlace } from '#common/engines/postgres/restore/in-place.js';
import { lockDatabase } from '#common/engines/postgres/restore/lock.js';
import { rememberHere } from '#common/operations/restore/findings.js';
import { restoreBackup } from '#common/operations/restore/restore-backup.js';
import { sql } from '#common/pg/sql.js';
import { RestoreProcess } from '#common/testing/restore-process.js';
import { shopOf } from '#common/testing/restore-shop.js';
import type { PgOrder } from '#common/testing/restore-test-bed.js';
import { comparable, RestoreTestBed } from '#common/testing/restore-test-bed.js';

const { signal } = new AbortController();

describe('attempts at a restore', () => {
  let bed: RestoreTestBed;
  let manifest: PostgresManifest;
  beforeAll(async () => {
    bed = await RestoreTestBed.create('postgres18');
    await shopOf(bed.source);
    manifest = await bed.backup();
  });
  afterAll(() => bed.drop());

  const laterAttempt = (order: PgOrder): PgOrder => ({
    ...order,
    identity: { ...order.identity, attempt: order.identity.attempt + 1 },
  });
  const patient = (order: PgOrder): PgOrder => ({ ...order, target: { ...order.target, lockTimeoutMs: 20_000 } });
  const inPlace = (): PgOrder => bed.order(manifest, bed.source.name, { strategy: 'in-place' });
  const scratchesOf = ({ identity }: PgOrder) => bed.databases(`holdfast_${identity.runId.replaceAll('-', '')}`);
  const sessionsOf = ({ identity }: PgOrder) =>
    bed.query<{ database: string; waits: boolean }>(
      'postgres',
      `SELECT datname AS database, wait_event_type = 'Lock' AS waits FROM pg_stat_activity
       WHERE application_name = 'holdfast ${identity.runId} a${identity.attempt}'`,
    );
  const isWaitingForLock = async (order: PgOrder) => (await sessionsOf(order)).some(({ waits }) => waits);
  const hasEnded = async (order: PgOrder) => (await sessionsOf(order)).length === 0;

  it('show the wanted name only when the database is whole', async () => {
    const database = bed.nameOf('polled');
    const order = bed.order(manifest, database);
    const restoring = bed.restore(order);
    let isDone = false;
    void restoring.finally(() => {
      isDone = true;
    });
    let scratchesSeen = 0;
    while ((await bed.databases(database)).length === 0 && !isDone) scratchesSeen += (await scratchesOf(order)).length;
    const facts = comparable(await bed.facts(database));
    await restoring;
    expect(scratchesSeen).toBeGreaterThan(0);
    expect(facts).toEqual(comparable(manifest.snapshot));
    expect(await scratchesOf(order)).toEqual([]);
  });

  it('leave nothing behind when they are aborted, and the next one succeeds', async () => {
    const order = bed.order(manifest, bed.nameOf('aborted'));
    const stop = new AbortController();
    const restoring = restoreBackup(order, bed.deps(), stop.signal);
    restoring.catch(() => undefined);
    await until(async () => (await scratchesOf(order)).length > 0);
    stop.abort(new Error('an operator cancelled'));
    await expect(restoring).rejects.toThrow('an operator cancelled');
    expect([...(await scratchesOf(order)), ...(await bed.databases(order.destination))]).toEqual([]);
    await bed.restore(laterAttempt(order));
    expect(comparable(await bed.facts(order.destination))).toEqual(comparable(manifest.snapshot));
  });

  it('leave no database of the wanted name when they are killed, and the next one cleans up and succeeds', async () => {
    const order = bed.order(manifest, bed.nameOf('killed'));
    const child = await RestoreProcess.start(order, { folder: bed.backups.folder });
    await until(async () => (await sessionsOf(order)).some(({ database }) => database?.startsWith('holdfast_')));
    child.signal('SIGKILL');
    await child.end();
    expect(await bed.databases(order.destination)).toEqual([]);
    expect(await scratchesOf(order)).toHaveLength(1);
    await bed.restore(laterAttempt(order));
    expect(await scratchesOf(order)).toEqual([]);
    expect(comparable(await bed.facts(order.destination))).toEqual(comparable(manifest.snapshot));
  });

  it('adopt what an earlier one of the same run finished and could not report', async () => {
    const order = bed.order(manifest, bed.nameOf('adopted'));
    const remember = rememberHere();
    await bed.restore(order, { remember });
    await bed.onDatabase(order.destination, (session) => session.query(`INSERT INTO tenants VALUES ('since')`));
    const { workDirectory = '' } = bed.deps();
    await mkdir(join(workDirectory, `holdfast-restore-${order.identity.runId}-a1-killed`));
    await bed.restore(laterAttempt(order), { remember });
    expect(await bed.query(order.destination, `SELECT FROM tenants WHERE name = 'since'`)).toHaveLength(1);
    expect((await bed.facts(order.destination)).databaseComment).toBe(manifest.snapshot.databaseComment);
    expect((await readdir(workDirectory)).filter((name) => name.includes(order.identity.runId))).toEqual([]);
    // Another database that has the name by now is not the one that was finished.
    const { name } = bed.source;
    await bed.source.onServer(`ALTER DATABASE "${order.destination}" RENAME TO "${bed.nameOf('away')}"`);
    await bed.source.onServer(`CREATE DATABASE "${order.destination}" TEMPLATE template0`);
    await expect(bed.restore(laterAttempt(order), { remember })).rejects.toMatchObject({
      code: 'restore.database-exists',
    });
    const other = { ...order, destination: name, identity: { runId: randomUUID(), attempt: 1 } };
    await expect(bed.restore(other)).rejects.toMatchObject({ code: 'restore.database-exists' });
  });

  it('of another run are refused while one works on the same database, whatever database the url of the target names', async () => {
    const target = bed.target({ connection: bed.connectionTo('template1') });
    const takeSafetyBackup = async () => {
      for (const order of [inPlace(), { ...inPlace(), target }])
        await expect(bed.restore(order)).rejects.toMatchObject({ code: 'restore.busy' });
      return 'a-safety-dump';
    };
    const outcome = await bed.restore(inPlace(), { takeSafetyBackup });
    expect(outcome.safetyBackupId).toBe('a-safety-dump');
  });

  it('of a run that is over are ended by a restore of another, and of one that may be open are not', async () => {
    const { target, destination: database, identity } = inPlace();
    const options = { signal, applicationName: `holdfast ${identity.runId} a1` };
    const frozen = await lockDatabase(target, database, identity, { signal });
    const writing = await PgSession.open(bed.connectionTo(database), options);
    const elsewhere = await PgSession.open(bed.connectionTo('template1'), {
      ...options,
      applicationName: 'another program',
    });
    const next = { runId: randomUUID(), attempt: 1 };
    const lock = (isOver?: (runId: string) => Promise<boolean>) =>
      lockDatabase(target, database, next, { signal, isOver });
    await expect(lock()).rejects.toMatchObject({ code: 'restore.busy' });
    await expect(lock(async () => false)).rejects.toMatchObject({ code: 'restore.busy' });
    const taken = await lock(async (runId) => runId === identity.runId);
    await Promise.all([frozen.whenLost, writing.whenLost]);
    expect(await elsewhere.queryOne('SELECT 1 AS alive')).toEqual({ alive: 1 });
    for (const session of [taken, elsewhere]) await session.close();
  });

  it('that have lost their run when they have the lock change nothing, and leave it', async () => {
    const order = inPlace();
    await bed.source.execute(`INSERT INTO tenants VALUES ('kept')`);
    const assertHeld = () => Promise.reject(new Error('another executor holds it'));
    await expect(bed.restore(order, { assertHeld })).rejects.toThrow('another executor holds it');
    expect(await sessionsOf(order)).toEqual([]);
    expect(await bed.source.query(`SELECT FROM tenants WHERE name = 'kept'`)).toHaveLength(1);
    await bed.source.execute(`DELETE FROM tenants WHERE name = 'kept'`);
  });

  it('that are killed in place roll back, though their children live on', async () => {
    const order = inPlace();
    await bed.source.execute(`INSERT INTO tenants VALUES ('kept')`);
    await bed.onDatabase(bed.source.name, async (holder) => {
      await holder.query('BEGIN; SELECT FROM items');
      const child = await RestoreProcess.start(order, { folder: bed.backups.folder });
      await until(() => isWaitingForLock(order));
      child.signal('SIGKILL');
      await child.end();
      await until(async () => (await sessionsOf(order)).length === 1);
      await holder.query('ROLLBACK');
      await until(() => hasEnded(order));
    });
    expect(await bed.source.query(`SELECT FROM tenants WHERE name = 'kept'`)).toHaveLength(1);
    await bed.restore(laterAttempt(order));
    expect(comparable(await bed.facts(bed.source.name))).toEqual(comparable(manifest.snapshot));
  });

  it('that froze lose their sessions to a later one, and change nothing when they thaw', async () => {
    const order = inPlace();
    const holder = await bed.hold(bed.source.name, 'SELECT FROM items');
    const frozen = await RestoreProcess.start(order, { folder: bed.backups.folder });
    try {
      await until(() => isWaitingForLock(order));
      frozen.signal('SIGSTOP');
      const restoring = bed.restore(laterAttempt(patient(order)));
      await Promise.race([restoring, until(() => hasEnded(order))]);
      await holder.release();
      await restoring;
      await bed.source.execute(`INSERT INTO tenants VALUES ('since')`);
      frozen.signal('SIGCONT');
      expect(await frozen.end()).toMatch(/^(postgres\.unreachable|claim\.lost)/);
    } finally {
      frozen.signal('SIGKILL');
    }
    expect(await bed.source.query(`SELECT FROM tenants WHERE name = 'since'`)).toHaveLength(1);
    await bed.source.execute(`DELETE FROM tenants WHERE name = 'since'`);
  });

  it('write only when no session of an earlier one is left', async () => {
    const { target, destination: database, identity } = inPlace();
    const options = { signal, applicationName: `holdfast ${identity.runId} a1` };
    const earlier = await PgSession.open(target.connection, options);
    await earlier.query(`CREATE TEMPORARY TABLE long AS SELECT repeat('x', 100000000) AS x`);
    // A server looks for orders to end a session between two of these rows, and not within one.
    earlier.query('SELECT count(md5(x || n)) FROM long, generate_series(1, 50) AS n').catch(() => undefined);
    const sessions = `SELECT FROM pg_stat_activity WHERE application_name = '${options.applicationName}'`;
    await until(async () => (await bed.query('postgres', `${sessions} AND state = 'active'`)).length > 0);
    const lock = await lockDatabase(target, database, { ...identity, attempt: 2 }, { signal });
    expect(await lock.query(sessions)).toEqual([]);
    await lock.close();
    await earlier.close();
  });

  it('give way to a later one, whose sessions they leave alone', async () => {
    const { target, destination: database, identity } = inPlace();
    const attempt = (number: number) => ({ ...identity, attempt: number });
    const later = await lockDatabase(target, database, attempt(10), { signal });
    for (const number of [2, 9])
      await expect(lockDatabase(target, database, attempt(number), { signal })).rejects.toMatchObject({
        code: 'claim.lost',
      });
    expect(await later.queryOne('SELECT 1 AS alive')).toEqual({ alive: 1 });
    await later.close();
  });

  it.each([
    [
      'aborted',
      (stop: AbortController) => Promise.resolve(stop.abort(new Error('an operator cancelled'))),
      { message: 'an operator cancelled' },
    ],
    [
      'ended by the administrator',
      (_: AbortController, name: string) =>
        bed.query(
          'postgres',
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
           WHERE application_name = '${name}' AND wait_event_type = 'Lock'`,
        ),
      { code: 'postgres.unreachable' },
    ],
  ])('that are %s in place leave everything as it was, and no session', async (_, end, error) => {
    const order = inPlace();
    await bed.source.execute(`INSERT INTO tenants VALUES ('kept')`);
    const holder = await bed.hold(bed.source.name, 'SELECT FROM items');
    const stop = new AbortController();
    const restoring = restoreBackup(patient(order), bed.deps(), stop.signal);
    restoring.catch(() => undefined);
    await until(() => isWaitingForLock(order));
    await end(stop, `holdfast ${order.identity.runId} a1`);
    await expect(restoring).rejects.toMatchObject(error);
    await until(() => hasEnded(order));
    await holder.release();
    expect(await bed.source.query(`SELECT FROM tenants WHERE name = 'kept'`)).toHaveLength(1);
    await bed.source.execute(`DELETE FROM tenants WHERE name = 'kept'`);
  });

  it('change nothing when they begin to write after their lock is gone', async () => {
    const order = inPlace();
    const { target, destination: database, identity } = order;
    const archive = await bed.unpack(manifest);
    const lock = await lockDatabase(target, database, identity, { signal });
    await lock.close();
    const tools = await bed.tools.find(18, ['pg_restore', 'psql'], { directories: target.toolDirectories, signal });
    const request = { lock, tools, archive, database, identity, lockTimeoutMs: 1_000 };
    const nothing = {
      quiet: [],
      statements: [sql`DROP VIEW sums`],
      presentSchemas: [],
      hasTablespaces: false,
      serverMajor: 18,
    };
    await expect(restoreInPlace({ ...request, ...nothing }, target, signal)).rejects.toMatchObject({
      code: 'claim.lost',
    });
    expect(comparable(await bed.facts(bed.source.name))).toEqual(comparable(manifest.snapshot));
  });

  it('stop when a later one took over while they were busy with something else', async () => {
    const order = inPlace();
    const takeSafetyBackup = async () => {
      await bed.restore(laterAttempt(order));
      await bed.source.execute(`INSERT INTO tenants VALUES ('since')`);
      return 'a-safety-dump';
    };
    await expect(bed.restore(order, { takeSafetyBackup })).rejects.toMatchObject({ code: 'postgres.unreachable' });
    expect(await bed.source.query(`SELECT FROM tenants WHERE name = 'since'`)).toHaveLength(1);
    await bed.source.execute(`DELETE FROM tenants WHERE name = 'since'`);
  });
});

async function until(isTrue: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 2_000; tries += 1) {
    if (await isTrue()) return;
    await sleep(5);
  }
  throw new Error('what was waited for did not happen');
}
