import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { PgSession, withPgSession } from '#common/engines/postgres/pg-session.js';
import { lockDatabase } from '#common/engines/postgres/restore/lock.js';
import { parsePgUrl } from '#common/pg/connection.js';
import { endpoints } from '#tools/services/endpoints.js';
import { type SweepServerOptions, sweepServer } from './sweep-server.js';

const { signal } = new AbortController();
const connection = parsePgUrl(endpoints.postgres18.url);
const states = new Map<string, 'open' | 'over' | 'unknown'>();
const made: string[] = [];
const sessions: PgSession[] = [];

afterEach(async () => {
  for (const session of sessions.splice(0)) await session.close();
  for (const name of made.splice(0)) await query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
});

const query = <Row extends object>(text: string): Promise<Row[]> =>
  withPgSession(connection, { signal, applicationName: 'spec' }, (session) => session.query<Row>(text));

/** What an attempt of a run in this state has begun. */
async function newScratch(state: 'open' | 'over' | 'unknown') {
  const identity = { runId: randomUUID(), attempt: 2 };
  const name = `holdfast_${identity.runId.replaceAll('-', '')}_a2`;
  await query(`CREATE DATABASE ${name}`);
  made.push(name);
  states.set(identity.runId, state);
  return { name, identity };
}

/** Other specs restore to the same server: what is not ours is open. */
const sweep = async (o: Partial<SweepServerOptions> = {}) => {
  const { removed, failed } = await sweepServer(
    { connection },
    { stateOf: async (runId) => states.get(runId) ?? 'open', ...o },
    signal,
  );
  expect(failed).toEqual([]);
  return removed;
};

const exists = async (name: string): Promise<boolean> =>
  (await query(`SELECT FROM pg_database WHERE datname = '${name}'`)).length === 1;

describe('the sweep of databases that dead restores had begun', () => {
  it('ends the sessions of a run that is over, wherever they are, and drops what it left', async () => {
    const { name, identity } = await newScratch('over');
    const [lock, inside] = [
      await lockDatabase({ connection }, `wanted_${name}`, identity, { signal }),
      await PgSession.open({ ...connection, database: name }, { signal, applicationName: 'another program' }),
    ];
    sessions.push(lock, inside);
    expect(await sweep()).toEqual([name]);
    expect(await exists(name)).toBe(false);
    await Promise.all([lock.whenLost, inside.whenLost]);
    expect(await sweep()).toEqual([]);
  });

  it('leaves what an open run may go on with, whether an attempt works on it or not', async () => {
    const { name } = await newScratch('open');
    expect(await sweep({ unknownAfterMs: -1_000 })).toEqual([]);
    expect(await sweep({ unknownAfterMs: -1_000 })).toEqual([]);
    expect(await exists(name)).toBe(true);
  });

  it('never takes the database of an unknown run from a restore that holds its lock, and waits long before it takes it at all', async () => {
    const { name, identity } = await newScratch('unknown');
    const restoring = await lockDatabase({ connection }, `wanted_${name}`, identity, { signal });
    const soon = { unknownAfterMs: -1_000 };
    for (let times = 0; times < 3; times += 1) expect(await sweep(soon)).toEqual([]);
    await restoring.close();
    while ((await query(`SELECT FROM pg_stat_activity WHERE application_name LIKE '%${identity.runId}%'`)).length > 0)
      await sleep(20);
    // Found abandoned, and from then on it has to stay so.
    expect(await sweep(soon)).toEqual([]);
    const again = await lockDatabase({ connection }, `wanted_${name}`, identity, { signal });
    expect(await sweep(soon)).toEqual([]);
    await again.close();
    while ((await query(`SELECT FROM pg_stat_activity WHERE application_name LIKE '%${identity.runId}%'`)).length > 0)
      await sleep(20);
    expect(await sweep(soon)).toEqual([]);
    expect(await sweep()).toEqual([]);
    expect(await exists(name)).toBe(true);
    expect(await sweep(soon)).toEqual([name]);
  });

  it('goes on with the others when one cannot be dropped', async () => {
    const [stuck, free] = [await newScratch('over'), await newScratch('over')];
    await query(`ALTER DATABASE ${stuck.name} IS_TEMPLATE true`);
    const options = { stateOf: async (runId: string) => states.get(runId) ?? ('open' as const) };
    const { removed, failed } = await sweepServer({ connection }, options, signal);
    await query(`ALTER DATABASE ${stuck.name} IS_TEMPLATE false`);
    expect(removed).toEqual([free.name]);
    expect(failed).toMatchObject([{ what: expect.stringContaining(stuck.name) }]);
  });
});
