import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { RunCancelRequested } from '#common/contracts/events/run-cancel-requested.event.js';
import type { RunId } from '#common/domain/ids.js';
import { CatalogTestBed } from '#common/testing/catalog-test-bed.js';
import { EventWriter } from '../event-writer.js';
import { CANCEL_CONSUMER, takeCancel } from './take-cancel.js';

const events = new EventWriter({ instance: 'spec', topicPrefix: '' });
let bed: CatalogTestBed;

beforeAll(async () => {
  bed = await CatalogTestBed.open();
});
afterAll(() => bed?.close());
beforeEach(() => bed.admin.query('TRUNCATE holdfast.runs, holdfast.inbox, holdfast.outbox CASCADE'));

let requests = 0;
function cancel(runId: RunId): Promise<void> {
  requests += 1;
  const origin = { id: `cancel-${requests}`, source: 'spec', time: new Date() };
  return takeCancel(RunCancelRequested.create({ runId, reason: 'wrong night' }, origin), {
    ...{ catalog: bed.catalog, events, consumer: CANCEL_CONSUMER },
  });
}

const slots = { owner: 9, sourceHost: 9 };
const claim = async () => {
  const fresh = await bed.catalog.transaction((tx) =>
    tx.runs.claimNext({ kinds: ['backup'], owner: 'spec', ttlMs: 60_000, slots }),
  );
  if (fresh === undefined) throw new Error('there was nothing to claim');
  return fresh.claim;
};
const load = (id: RunId) => bed.catalog.transaction((tx) => tx.runs.load(id));
const said = async () => (await bed.admin.query('SELECT event_type FROM holdfast.outbox ORDER BY id')).rows;

/** Until a session waits for a lock that another session of this catalog holds. */
async function sessionWaits(): Promise<void> {
  const waiting = `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;
  while ((await bed.admin.query(waiting)).rowCount === 0) await new Promise((resolve) => setTimeout(resolve, 10));
}

describe('a request to cancel', () => {
  it('is written to a run that is open, whatever it waits for', async () => {
    const { id: queued } = await bed.enqueue();
    await cancel(queued);
    expect(await load(queued)).toMatchObject({ cancelReason: 'wrong night', cancelRequestedAt: expect.any(Date) });
    const { id: retried } = await bed.enqueue();
    const claimed = await claim();
    await bed.catalog.transaction((tx) =>
      tx.runs.requeue(
        claimed,
        { code: 'engine.exit', message: 'it died', hint: '', context: {} },
        { delayMs: 3_600_000 },
      ),
    );
    await cancel(retried);
    const settled = await bed.catalog.transaction((tx) => tx.runs.settleDue(['backup'], { except: [queued] }));
    expect(settled).toMatchObject({ run: { id: retried, state: 'cancelled' }, problem: { code: 'run.cancelled' } });
    expect(await said()).toEqual([]);
  });

  it('is rejected when the run completes at that very moment: no event says that it was stopped', async () => {
    const { id } = await bed.enqueue();
    const held = await claim();
    let cancelling: Promise<void> | undefined;
    await bed.catalog.transaction(async (tx) => {
      await tx.runs.settle(held, { state: 'completed' });
      cancelling ??= cancel(id);
      await sessionWaits();
    });
    await cancelling;
    expect(await load(id)).toMatchObject({ state: 'completed', cancelRequestedAt: null });
    expect(await said()).toEqual([{ event_type: 'run.rejected' }]);
  });

  it('is rejected when the run was cancelled before', async () => {
    const { id } = await bed.enqueue();
    await cancel(id);
    await bed.catalog.transaction((tx) => tx.runs.settleDue(['backup']));
    await cancel(id);
    expect(await load(id)).toMatchObject({ state: 'cancelled' });
    expect(await said()).toEqual([{ event_type: 'run.rejected' }]);
  });
});
