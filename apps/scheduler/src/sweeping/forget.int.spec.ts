import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { NewRun } from '#common/catalog/stores/runs/run-queue.store.js';
import { silentLogger } from '#common/telemetry/logger.js';
import { anEvent, CatalogTestBed } from '#common/testing/catalog-test-bed.js';
import { forgetOld } from './forget.js';

const DAY_MS = 86_400_000;
const { signal } = new AbortController();
const ages = { runsMs: 100 * DAY_MS, publishedMs: 7 * DAY_MS, auditMs: 200 * DAY_MS };
let bed: CatalogTestBed;

beforeAll(async () => {
  bed = await CatalogTestBed.open();
});
afterAll(() => bed.close());

const forget = (o = ages) => forgetOld(o, { catalog: bed.catalog, logger: silentLogger }, signal);

type Settled = { readonly state?: string; readonly days: number } & Partial<NewRun>;

async function settled({ state = 'failed', days, ...run }: Settled): Promise<NewRun['id']> {
  const { id } = await bed.enqueue(run);
  await bed.admin.query(
    `UPDATE holdfast.runs SET state = $2, problem = '{}', settled_at = now() - make_interval(days => $3) WHERE id = $1`,
    [id, state, days],
  );
  return id;
}

async function left(table: string): Promise<string[]> {
  const { rows } = await bed.admin.query<{ id: string }>(`SELECT id::text FROM holdfast.${table} ORDER BY 1`);
  return rows.map(({ id }) => id);
}

const backup = (id: string, runId: string, state: 'reserved' | 'completed' | 'expired', days: number) =>
  bed.admin.query(
    `INSERT INTO holdfast.backups
       (id, run_id, dataset, method, purpose, state, attempt_key, snapshot_at, completed_at, manifest, reserved_at, expired_at)
     SELECT $1, $2, 'shop', 'dump', 'regular', $3, 'a1', at, at, '{"tables": 1}', at, CASE $3 WHEN 'expired' THEN at END
     FROM (SELECT now() - make_interval(days => $4) AS at) AS long_ago`,
    [id, runId, state, days],
  );

describe('the catalog forgets', () => {
  it('old settled runs with what belongs to them, and keeps what backups, retention and schedules need', async () => {
    const dataset = 'shop';
    const gone = [await settled({ dataset, days: 120 }), await settled({ dataset, state: 'cancelled', days: 110 })];
    await bed.admin.query(
      `INSERT INTO holdfast.restores (run_id, dataset, backup_id, target, destination, strategy)
       VALUES ($1, 'shop', gen_random_uuid(), 't', 'd', 'new')`,
      [gone[0]],
    );
    const made = await settled({ dataset, state: 'completed', days: 150 });
    const asked = await settled({ dataset, days: 140 });
    const newest = await settled({ dataset, days: 105 });
    const cancelledLater = await settled({ dataset, state: 'cancelled', days: 20 });
    const open = await bed.enqueue({ dataset });
    const [there, expired, dead, beingMade] = [randomUUID(), randomUUID(), randomUUID(), randomUUID()];
    await backup(there, made, 'completed', 150);
    await backup(expired, randomUUID(), 'expired', 120);
    await backup(dead, gone[0] ?? '', 'reserved', 120);
    await backup(beingMade, open.id, 'reserved', 120);
    await bed.admin.query(
      `INSERT INTO holdfast.schedules (name, last_slot_at, last_request_id, last_run_id, requested_at)
       VALUES ('nightly', now(), 'r', $1, now())`,
      [asked],
    );
    await forget();
    expect(await left('runs')).toEqual([made, asked, newest, cancelledLater, open.id].sort());
    expect(await left('backups')).toEqual([there, expired, beingMade].sort());
    const stripped = await bed.admin.query(`SELECT id::text FROM holdfast.backups WHERE manifest = '{}'`);
    expect(stripped.rows).toEqual([{ id: expired }]);
    expect(await bed.catalog.transaction((tx) => tx.retention.failing(dataset))).toEqual(['dump']);
  });

  it('what was published long ago, in as many batches as it takes, and nothing that still waits for the bus', async () => {
    await bed.admin.query('TRUNCATE holdfast.outbox');
    const [one, waiting] = [randomUUID(), randomUUID()];
    await bed.catalog.transaction(async (tx) => {
      for (const id of [one, waiting]) await tx.outbox.add(anEvent(id), { topic: 't', key: 'k' });
    });
    await bed.admin.query(
      `INSERT INTO holdfast.outbox (event_id, event_type, topic, key, event, created_at, published_at)
       SELECT n, 'x', 't', 'k', '{}', now() - interval '9 days', now() - interval '8 days' FROM generate_series(1, 1200) n`,
    );
    await bed.admin.query(`UPDATE holdfast.outbox SET created_at = now() - interval '9 days' WHERE event_id = $1`, [
      waiting,
    ]);
    await forget();
    const { rows } = await bed.admin.query('SELECT event_id FROM holdfast.outbox ORDER BY id');
    expect(rows.map(({ event_id }) => event_id)).toEqual([one, waiting]);
  });

  it('requests of ours only after the bus can no longer bring them: what the outbox does not hold is not ours', async () => {
    await bed.admin.query('TRUNCATE holdfast.outbox');
    await bed.admin.query(
      `INSERT INTO holdfast.outbox (event_id, event_type, topic, key, event, published_at)
       SELECT days, 'backup.requested', 't', 'k', '{}', now() - make_interval(days => days) FROM unnest('{8, 36}'::int[]) days`,
    );
    await forget();
    const { rows } = await bed.admin.query('SELECT event_id FROM holdfast.outbox');
    expect(rows).toEqual([{ event_id: '8' }]);
  });

  it('who asked for what only by age, when it is asked to, and never within 90 days', async () => {
    const write = (action: string, days: number) =>
      bed.admin.query(
        `INSERT INTO holdfast.audit (at, actor, action, subject, outcome)
         VALUES (now() - make_interval(days => $2), 'a', $1, 's', 'o')`,
        [action, days],
      );
    for (const [action, days] of [
      ['old', 201],
      ['middle', 120],
      ['young', 80],
    ] as const)
      await write(action, days);
    const actions = async () => (await bed.admin.query('SELECT action FROM holdfast.audit ORDER BY id')).rows;
    await forget({ ...ages, auditMs: undefined } as unknown as typeof ages);
    expect(await actions()).toHaveLength(3);
    await forget();
    expect(await actions()).toEqual([{ action: 'middle' }, { action: 'young' }]);
    await expect(bed.admin.query('DELETE FROM holdfast.audit')).rejects.toMatchObject({ code: '42501' });
    await expect(bed.admin.query(`UPDATE holdfast.audit SET actor = 'b'`)).rejects.toMatchObject({ code: '42501' });
    await expect(bed.admin.query('TRUNCATE holdfast.audit')).rejects.toMatchObject({ code: '42501' });
    expect(await actions()).toHaveLength(2);
  });

  it('the rest although one table cannot be pruned', async () => {
    const run = await settled({ dataset: 'other', state: 'cancelled', days: 120 });
    await bed.admin.query('ALTER TABLE holdfast.outbox RENAME TO hidden');
    await forget();
    await bed.admin.query('ALTER TABLE holdfast.hidden RENAME TO outbox');
    expect(await left('runs')).not.toContain(run);
  });
});
