import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { AppError, toProblem } from '#common/errors/app-error.js';
import { aRun, CatalogTestBed } from '#common/testing/catalog-test-bed.js';

let bed: CatalogTestBed;

beforeAll(async () => {
  bed = await CatalogTestBed.open();
});
afterAll(() => bed.close());
afterEach(async () => {
  await bed.admin.query('TRUNCATE holdfast.runs CASCADE');
});

const claim = (owner: string) =>
  bed.catalog.transaction((tx) =>
    tx.runs.claimNext({ kinds: ['backup', 'restore'], owner, ttlMs: 60_000, slots: { owner: 9, sourceHost: 9 } }),
  );

describe('a queue of a thousand', () => {
  it('is listed in the order of its turn, with places that claims confirm, and counted whole', async () => {
    await bed.catalog.transaction(async (tx) => {
      for (let index = 0; index < 1_000; index += 1)
        await tx.runs.enqueue(aRun({ dataset: `d${index}`, sourceHost: 'db:5432' }));
    });
    await bed.enqueue({ kind: 'verification', dataset: 'd0' });
    const restore = await bed.enqueue({ kind: 'restore', dataset: 'd7' });
    const filter = { states: ['queued'], order: 'queue', limit: 3 } as const;
    const seen = await bed.catalog.transaction(async (tx) => {
      const runs = await tx.runs.list(filter);
      const places = await tx.runs.places(runs.map(({ id }) => id));
      return { runs, places, total: await tx.runs.count(filter), queue: await tx.runs.summary() };
    });
    expect(seen.runs.map(({ dataset }) => dataset)).toEqual(['d7', 'd0', 'd1']);
    expect(seen.runs[0]?.id).toBe(restore.id);
    expect(new Map(seen.places.map(({ id, position }) => [id, position]))).toEqual(
      new Map(seen.runs.map(({ id }, index) => [id, index + 1])),
    );
    expect(seen).toMatchObject({ total: 1_002, queue: { queued: 1_002, running: 0, retrying: 0 } });
    expect((await claim('one'))?.run.id).toBe(restore.id);
    expect((await claim('one'))?.run.dataset).toBe('d0');
    const hosts = await bed.catalog.transaction((tx) => tx.runs.countByHost());
    expect(hosts).toEqual([{ host: 'db:5432', queued: 999, running: 1 }]);
  });

  it('says of a run that failed when it is tried again, and counts it', async () => {
    await bed.enqueue();
    const fresh = await claim('one');
    if (fresh === undefined) throw new Error('nothing was claimed');
    const problem = toProblem(new AppError('engine.exit', 'pg_dump ended with 1'));
    await bed.catalog.transaction((tx) => tx.runs.requeue(fresh.claim, problem, { delayMs: 60_000 }));
    const { places, retrying, queue } = await bed.catalog.transaction(async (tx) => ({
      places: await tx.runs.places([fresh.run.id]),
      retrying: await tx.runs.countRetrying(),
      queue: await tx.runs.summary(),
    }));
    expect(places).toEqual([
      { id: fresh.run.id, position: 1, waitSeconds: expect.any(Number), retryAt: expect.any(Date) },
    ]);
    expect(retrying).toEqual([{ kind: 'backup', count: 1 }]);
    expect(queue).toMatchObject({ queued: 1, retrying: 1 });
  });
});
