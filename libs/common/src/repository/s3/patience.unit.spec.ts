import { describe, expect, it } from '@jest/globals';
import { sendPatiently } from './patience.js';

const never = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
const patience = {
  ...{ signal: new AbortController().signal, isDone: async () => false },
  ...{ lookEveryMs: 5, patienceMs: 20 },
};

describe('a request on which a server works in silence', () => {
  it('ends with its answer, and with what the server says no to', async () => {
    await sendPatiently(async () => 'done', patience);
    const refused = new Error('no such upload');
    await expect(sendPatiently(() => Promise.reject(refused), patience)).rejects.toBe(refused);
  });

  it('ends when what was asked for is done, though no answer ever comes', async () => {
    let looks = 0;
    const isDone = async () => {
      looks += 1;
      if (looks === 1) throw new Error('the server is busy');
      return looks === 3;
    };
    await sendPatiently(never, { ...patience, isDone });
    expect(looks).toBe(3);
  });

  it('is given up for another try when the patience is over, and sends nothing any more', async () => {
    let isGivenUp = false;
    const send = (signal: AbortSignal) => {
      signal.addEventListener('abort', () => {
        isGivenUp = true;
      });
      return never(signal);
    };
    await expect(sendPatiently(send, patience)).rejects.toMatchObject({ name: 'TimeoutError' });
    expect(isGivenUp).toBe(true);
  });

  it('ends with the reason of the caller that gives up', async () => {
    const reason = new Error('cancelled');
    const gone = AbortSignal.abort(reason);
    await expect(sendPatiently((signal) => Promise.reject(signal.reason), { ...patience, signal: gone })).rejects.toBe(
      reason,
    );
  });
});
