import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { probeKey } from '#common/repository/layout.js';
import { eachStorage, listKeys, type StorageBed } from '#common/testing/each-storage.js';
import { sweepProbes } from './sweep-probes.js';

const { signal } = new AbortController();
const body = Buffer.from('probe');

describe.each(eachStorage)('what was written to try %s', (_, open) => {
  let bed: StorageBed;
  beforeAll(async () => {
    bed = await open();
  });
  afterAll(() => bed.dispose());

  it('goes when it is old, whichever process left it, and nothing else goes with it', async () => {
    const [probe, other] = [probeKey('left'), 'shop/kept'];
    for (const key of [probe, other]) await bed.repository.put(key, body, { signal });
    expect(await sweepProbes(bed.repository, {}, signal)).toBe(0);
    expect(await listKeys(bed.repository)).toEqual([probe, other]);
    expect(await sweepProbes(bed.repository, { deadAfterMs: -60_000 }, signal)).toBe(1);
    expect(await listKeys(bed.repository)).toEqual([other]);
  });
});
