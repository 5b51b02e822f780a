import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Run } from '#common/catalog/entities/run.entity.js';
import type { RunKind } from '#common/domain/run.js';
import { EventWriter } from '#common/service/event-writer.js';
import { silentLogger } from '#common/telemetry/logger.js';
import { CatalogTestBed } from '#common/testing/catalog-test-bed.js';
import { startSettling } from './settling.js';

let bed: CatalogTestBed;
const events = new EventWriter({ instance: 'spec', topicPrefix: '' });

beforeAll(async () => {
  bed = await CatalogTestBed.open();
});
afterAll(() => bed.close());

const requests: Readonly<Record<RunKind, { readonly dataset: string; readonly [field: string]: string }>> = {
  backup: { dataset: 'shop', method: 'dump' },
  restore: { dataset: 'shop', target: 'staging', backup: 'latest' },
  verification: { dataset: 'shop', target: 'staging', destination: 'shop', profile: 'shop', backup: randomUUID() },
  reindex: { dataset: 'search', target: 'search' },
  replay: { dataset: 'shop', mode: 'reset', backup: randomUUID() },
  drill: { dataset: 'shop', target: 'scratch', profile: 'shop' },
  point: { dataset: 'platform', point: 'platform' },
};

/** As a worker leaves it that died with the last attempt. */
async function leave(kind: RunKind): Promise<Run['id']> {
  const { id } = await bed.enqueue({ kind, dataset: 'shop', request: requests[kind], maxAttempts: 1 });
  const claimed = await bed.catalog.transaction((tx) =>
    tx.runs.claimNext({ kinds: [kind], owner: 'dead', ttlMs: 1, slots: { owner: 99, sourceHost: 99 } }),
  );
  expect(claimed?.run.id).toBe(id);
  return id;
}

const stateOf = async (id: Run['id']) => (await bed.catalog.transaction((tx) => tx.runs.load(id))).state;

describe('without any worker', () => {
  it('every run that no worker can go on with is settled with its event, once, by one of two schedulers', async () => {
    const left = await Promise.all((Object.keys(requests) as RunKind[]).map(leave));
    const overdue = await bed.enqueue({ deadlineAt: new Date(Date.now() - 1_000) });
    const cancelled = await bed.enqueue();
    await bed.catalog.transaction((tx) => tx.runs.requestCancel(cancelled.id));
    const open = await bed.enqueue();
    const deps = { catalog: bed.catalog, events, logger: silentLogger, restoresAfterMs: 1 };
    const both = [startSettling(deps), startSettling({ ...deps, catalog: await bed.another() })];
    const due = [...left, overdue.id, cancelled.id];
    for (const id of due) while ((await stateOf(id)) === 'queued' || (await stateOf(id)) === 'running');
    for (const settling of both) await settling.stop();

    expect(await Promise.all(left.map(stateOf))).toEqual(left.map(() => 'failed'));
    expect([await stateOf(overdue.id), await stateOf(cancelled.id), await stateOf(open.id)]).toEqual([
      ...['failed', 'cancelled', 'queued'],
    ]);
    const { rows } = await bed.admin.query<{ type: string; code: string }>(
      `SELECT event_type AS type, event #>> '{data,error,code}' AS code FROM holdfast.outbox ORDER BY 1, 2`,
    );
    expect(rows).toEqual([
      { type: 'backup.failed', code: 'run.cancelled' },
      { type: 'backup.failed', code: 'run.exhausted' },
      { type: 'backup.failed', code: 'run.overdue' },
      ...['drill', 'point', 'reindex', 'replay', 'restore', 'verification'].map((kind) => ({
        type: `${kind}.failed`,
        code: 'run.exhausted',
      })),
    ]);
  });

  it('a restore whose executor vanished is left to executors for a while: they can end what it has begun', async () => {
    const [restore, replay] = [await leave('restore'), await leave('replay')];
    const settling = startSettling({ catalog: bed.catalog, events, logger: silentLogger, restoresAfterMs: 3_600_000 });
    while ((await stateOf(replay)) === 'running');
    await settling.stop();
    expect(await stateOf(restore)).toBe('running');
    const later = startSettling({ catalog: bed.catalog, events, logger: silentLogger, restoresAfterMs: 1 });
    while ((await stateOf(restore)) === 'running');
    await later.stop();
    const { problem } = await bed.catalog.transaction((tx) => tx.runs.load(restore));
    expect(problem).toMatchObject({ code: 'run.exhausted', message: expect.stringContaining('may still take effect') });
  });

  it('a run whose last attempt vanished while the clock of the catalog was ahead is settled when it is right again', async () => {
    const id = await leave('replay');
    await bed.admin.query(
      `UPDATE holdfast.runs SET claim_expires_at = claim_expires_at + interval '1 hour' WHERE id = $1`,
      [id],
    );
    await bed.admin.query(`UPDATE holdfast.runs SET timed_at = timed_at + interval '1 hour' WHERE id = $1`, [id]);
    const settling = startSettling({ catalog: bed.catalog, events, logger: silentLogger, restoresAfterMs: 1 });
    while ((await stateOf(id)) === 'running');
    await settling.stop();
    expect(await stateOf(id)).toBe('failed');
  });
});
