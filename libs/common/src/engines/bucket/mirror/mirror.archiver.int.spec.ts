import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ArchiverWatch } from '#common/engines/archiver.js';
import type { BucketDataset, BucketMirror } from '#common/engines/bucket/bucket-dataset.js';
import { BucketBed } from '#common/testing/bucket-bed.js';
import { bucket } from '../bucket.engine.js';
import { MirrorArchiver } from './mirror.archiver.js';

let source: BucketBed;
let replica: BucketBed;
let stop: AbortController;
let done: Promise<unknown>;
let said: { complete: string[]; behind: (string | null)[]; interrupted: string[]; counts: object };
beforeEach(async () => {
  [source, replica, stop] = [await BucketBed.make(), await BucketBed.make(), new AbortController()];
  said = { complete: [], behind: [], interrupted: [], counts: {} };
});
afterEach(async () => {
  stop.abort(new Error('the spec is over'));
  await expect(done).rejects.toThrow('the spec is over');
  await source.dispose();
  await replica.dispose();
});

function begin(mode: BucketMirror['mode']): void {
  const common = { name: 'media', compression: { level: 1, threads: 1 } };
  const schema = bucket.dataset.schema.parse({ ...source.options(), mirror: { ...replica.options(), mode } });
  const dataset = bucket.dataset.resolve(common, schema) as BucketDataset & { mirror: BucketMirror };
  const watch: ArchiverWatch = {
    onComplete: ({ position }) => void said.complete.push(position),
    onBehind: ({ outage }) => void said.behind.push(outage?.message ?? null),
    onInterrupted: (error) => void said.interrupted.push((error as { code: string }).code),
    onGap: async () => undefined,
    onCounts: (counts) => {
      said.counts = counts;
    },
  };
  done = new MirrorArchiver().run(
    { ...dataset, mirror: { ...dataset.mirror, everyMs: 50 } },
    {
      signal: stop.signal,
      clock: () => new Date(),
      watch,
      repository: undefined as never,
      sealing: undefined as never,
    },
  );
  done.catch(() => undefined);
}

async function until(isSo: () => boolean): Promise<void> {
  for (let tries = 0; tries < 400 && !isSo(); tries += 1) await sleep(50);
  expect(isSo()).toBe(true);
}

describe('a mirror that runs', () => {
  it('is complete again and again, and not while the source is empty or away', async () => {
    await source.put('a', 'one');
    begin('copy');
    await until(() => said.complete.length > 1);
    expect(said.complete[0]).toBe('1 objects, 3 bytes');
    expect(said.counts).toMatchObject({ objects: 1, copied: expect.any(Number), refused: 0 });
    await source.remove('a');
    await until(() => said.behind.at(-1)?.includes('held 1') === true);
    const complete = said.complete.length;
    await until(() => said.behind.filter((each) => each?.includes('held 1')).length > 2);
    expect(said.complete).toHaveLength(complete);
    await source.dispose();
    await until(() => said.interrupted.includes('bucket.missing'));
    expect(await replica.keys()).toEqual(['.holdfast/mirror/all.ndjson', 'a']);
    source = await BucketBed.make();
  });

  it('tells what the replica does not have, where the server copies', async () => {
    await source.put('a', 'one');
    await source.put('b', 'two');
    await replica.put('a', 'one');
    begin('watch');
    await until(() => said.behind.at(-1)?.includes('"b"') === true);
    expect(said).toMatchObject({ complete: [], counts: { objects: 2, missing: 1, different: 0, extra: 0 } });
    await replica.put('b', 'two');
    await until(() => said.complete.length > 0);
    expect(await replica.keys()).toEqual(['a', 'b']);
  });
});
