import { describe, expect, it } from '@jest/globals';
import { inFlight } from './in-flight.js';

async function* numbers(count: number, onTaken: (number: number) => void = () => undefined): AsyncGenerator<number> {
  for (let number = 1; number <= count; number += 1) {
    onTaken(number);
    yield number;
  }
}

describe('work in flight', () => {
  it('does all of it, never more than the limit at once, and takes no item before there is room', async () => {
    let [now, most, taken, done] = [0, 0, 0, 0];
    await inFlight(
      numbers(50, (number) => {
        taken = number;
      }),
      4,
      async () => {
        now += 1;
        most = Math.max(most, now);
        expect(taken - done).toBeLessThanOrEqual(4);
        await new Promise((resolve) => setImmediate(resolve));
        now -= 1;
        done += 1;
      },
    );
    expect({ most, done }).toEqual({ most: 4, done: 50 });
  });

  it('begins nothing after a failure, and waits for what is on its way', async () => {
    const begun: number[] = [];
    const ended: number[] = [];
    const work = async (number: number): Promise<void> => {
      begun.push(number);
      await new Promise((resolve) => setImmediate(resolve));
      if (number === 3) throw new Error('the third fails');
      ended.push(number);
    };
    await expect(inFlight(numbers(1_000), 4, work)).rejects.toThrow('the third fails');
    expect(begun.length).toBeLessThan(10);
    expect(ended).toHaveLength(begun.length - 1);
  });

  it('throws what the items throw', async () => {
    async function* broken(): AsyncGenerator<number> {
      yield 1;
      throw new Error('the listing broke off');
    }
    await expect(inFlight(broken(), 2, async () => undefined)).rejects.toThrow('the listing broke off');
  });
});
