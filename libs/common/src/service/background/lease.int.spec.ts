import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { silentLogger } from '#common/telemetry/logger.js';
import { CatalogTestBed } from '#common/testing/catalog-test-bed.js';
import type { Background } from './background.js';
import { type PeriodicWorkOptions, startPeriodicWork } from './lease.js';

let bed: CatalogTestBed;
const started: Background[] = [];

beforeAll(async () => {
  bed = await CatalogTestBed.open();
});
afterAll(() => bed.close());
afterEach(async () => {
  for (const work of started.splice(0)) await work.stop();
});

type Wish = Pick<PeriodicWorkOptions, 'name' | 'owner' | 'work'> & Partial<PeriodicWorkOptions>;

function start(wish: Wish): Background {
  const options = { catalog: bed.catalog, logger: silentLogger, everyMs: 3_600_000, firstAfterMs: 0, ...wish };
  const work = startPeriodicWork(options);
  started.push(work);
  return work;
}

/** Resolves when the lease rests until the next time is due. */
async function rests(name: string): Promise<void> {
  for (;;) {
    const { rows } = await bed.admin.query(
      `SELECT FROM holdfast.leases WHERE name = $1 AND expires_at > clock_timestamp() + interval '30 minutes'`,
      [name],
    );
    if (rows.length === 1) return;
  }
}

describe('periodic work', () => {
  it('is done once by two processes, and not again by one that is restarted', async () => {
    const name = 'once';
    const done: string[] = [];
    const by = (owner: string): Wish => ({ name, owner, work: async () => void done.push(owner) });
    start(by('a'));
    start(by('b'));
    await rests(name);
    const [first] = done;
    for (const work of started.splice(0)) await work.stop();
    expect(done).toEqual([first]);
    start(by('c'));
    const seen = start({ name: 'witness', owner: 'c', work: async () => undefined });
    await rests('witness');
    await seen.stop();
    expect(done).toEqual([first]);
  });

  it('comes again when its time is due', async () => {
    const twice = Promise.withResolvers<void>();
    let times = 0;
    const work = async () => {
      times += 1;
      if (times === 2) twice.resolve();
    };
    start({ name: 'again', owner: 'a', everyMs: 50, work });
    await twice.promise;
  });

  it('is due at once by an interval that was shortened', async () => {
    const yearly = start({ name: 'shortened', owner: 'a', everyMs: 365 * 86_400_000, work: async () => undefined });
    await rests('shortened');
    await yearly.stop();
    const done = Promise.withResolvers<void>();
    start({ name: 'shortened', owner: 'b', work: async () => done.resolve() });
    await done.promise;
  });

  it('is done again in time although it failed, and goes on elsewhere at once when it is stopped', async () => {
    const failing = start({ name: 'failing', owner: 'a', work: () => Promise.reject(new Error('on purpose')) });
    await rests('failing');
    await failing.stop();

    const begun = Promise.withResolvers<AbortSignal>();
    const stopped = start({
      ...{ name: 'stopped', owner: 'a' },
      work: async (signal) => {
        begun.resolve(signal);
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
        signal.throwIfAborted();
      },
    });
    expect((await begun.promise).aborted).toBe(false);
    await stopped.stop();
    const other = Promise.withResolvers<void>();
    start({ name: 'stopped', owner: 'b', work: async () => other.resolve() });
    await other.promise;
  });
});
