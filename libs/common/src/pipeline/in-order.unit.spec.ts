import { describe, expect, it } from '@jest/globals';
import { inOrder } from './in-order.js';

async function* upTo(count: number): AsyncGenerator<number> {
  for (let n = 0; n < count; n += 1) yield n;
}

const later = (turns: number): Promise<void> =>
  turns === 0 ? Promise.resolve() : Promise.resolve().then(() => later(turns - 1));

describe('work in order', () => {
  it('is done several at once, never more than the limit, and its results come as the items came', async () => {
    let [now, most] = [0, 0];
    const results: number[] = [];
    const work = async (n: number): Promise<number> => {
      now += 1;
      most = Math.max(most, now);
      await later(50 - n);
      now -= 1;
      return n * 2;
    };
    for await (const result of inOrder(upTo(20), 4, work)) results.push(result);
    expect(results).toEqual(Array.from({ length: 20 }, (_, n) => n * 2));
    expect(most).toBe(4);
  });

  it('ends with the first failure, after what came before it and when nothing is on its way', async () => {
    const [begun, ended, results]: number[][] = [[], [], []];
    const work = async (n: number): Promise<number> => {
      begun?.push(n);
      await later(10);
      ended?.push(n);
      if (n === 3) throw new Error('the fourth');
      return n;
    };
    const all = async () => {
      for await (const result of inOrder(upTo(20), 3, work)) results?.push(result);
    };
    await expect(all()).rejects.toThrow('the fourth');
    expect(results).toEqual([0, 1, 2]);
    expect(ended).toEqual(begun);
  });
});
