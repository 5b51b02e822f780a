import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, it } from '@jest/globals';
import { PgSession } from '#common/engines/postgres/pg-session.js';
import { parsePgUrl } from '#common/pg/connection.js';
import { endpoints } from '#tools/services/endpoints.js';
import { endRestore } from './end-restore.js';
import { sweepServer } from './sweep-server.js';

const { signal } = new AbortController();
const connection = parsePgUrl(endpoints.postgres18.url);
const sessions: PgSession[] = [];

afterEach(async () => {
  for (const session of sessions.splice(0)) await session.close();
});

async function open(applicationName: string): Promise<PgSession> {
  const session = await PgSession.open(connection, { signal, applicationName });
  sessions.push(session);
  return session;
}

const isAlive = (session: PgSession) =>
  session.query('SELECT').then(
    () => true,
    () => false,
  );

describe('the sessions of a restore', () => {
  it('are ended up to an attempt, with the dump that it took, and later ones are left', async () => {
    const runId = randomUUID();
    const attempts = ['a2', 'a9', 'a9 0badc0de', 'a10'];
    const [second, ninth, dump, tenth] = await Promise.all(attempts.map((name) => open(`holdfast ${runId} ${name}`)));
    await endRestore({ connection }, { runId, attempt: 9 }, signal);
    const all = [second, ninth, dump, tenth].map((session) => session as PgSession);
    expect(await Promise.all(all.map(isAlive))).toEqual([false, false, false, true]);
  });

  it('are ended when its run is over although no database of it is left, and others are not asked to end', async () => {
    const [over, other] = [randomUUID(), randomUUID()];
    const names = [`holdfast ${over} a3`, `holdfast ${over} a4`, `holdfast ${other} a1`, 'holdfast tidy up', over];
    const all = await Promise.all(names.map(open));
    const asked: string[] = [];
    const stateOf = async (runId: string) => {
      asked.push(runId);
      return runId === over ? ('over' as const) : ('open' as const);
    };
    expect(await sweepServer({ connection }, { stateOf }, signal)).toMatchObject({ ended: [over], failed: [] });
    expect(asked.filter((runId) => runId === other || runId === over).sort()).toEqual([over, other].sort());
    expect(await Promise.all(all.map(isAlive))).toEqual([false, false, true, true, true]);
    expect(await sweepServer({ connection }, { stateOf }, signal)).toMatchObject({ ended: [], failed: [] });
  });
});
