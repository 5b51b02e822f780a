import { describe, expect, it } from '@jest/globals';
import { parseReplayStart } from './replay-start.js';

const dataset = 'shop';
const since = '2026-11-21T09:30:00Z';

describe('the start of a replay on the command line', () => {
  it.each([
    [{ backup: 'shop@latest' }, { backup: 'shop@latest' }],
    [
      { dataset, since },
      { dataset, since },
    ],
    [
      { dataset, offsets: 'shop.orders/0=120, shop.orders/1=0098' },
      {
        dataset,
        offsets: [
          { topic: 'shop.orders', partition: 0, offset: '120' },
          { topic: 'shop.orders', partition: 1, offset: '98' },
        ],
      },
    ],
  ])('is understood from %j', (options, start) => {
    expect(parseReplayStart(options)).toEqual(start);
  });

  it.each([
    [{}, 'exactly one of --backup, --since and --offsets'],
    [{ backup: 'shop@latest', since, dataset }, 'exactly one of'],
    [{ since, offsets: 'orders/0=1', dataset }, 'exactly one of'],
    [{ backup: 'shop@latest', dataset }, 'a backup names its own'],
    [{ since }, '--dataset is missing'],
    [{ offsets: 'orders/0=1' }, '--dataset is missing'],
    [{ since, dataset: 'Shop!' }, 'is no name of a dataset'],
    [{ since: 'yesterday', dataset }, 'not "yesterday"'],
    [{ since: '2026-11-21T09:30:00', dataset }, 'with its UTC offset'],
    [{ offsets: '', dataset }, 'TOPIC/PARTITION=OFFSET'],
    [{ offsets: 'orders/0', dataset }, 'not "orders/0"'],
    [{ offsets: 'orders/0=-1', dataset }, 'not "orders/0=-1"'],
    [{ offsets: 'or ders/0=1', dataset }, 'not "or ders/0=1"'],
    [{ offsets: 'orders/2147483648=1', dataset }, 'TOPIC/PARTITION=OFFSET'],
    [{ offsets: 'orders/0=9223372036854775808', dataset }, 'TOPIC/PARTITION=OFFSET'],
    [{ offsets: 'orders/0=1,orders/0=2', dataset }, 'names orders/0 twice'],
  ])('is refused from %j', (options, message) => {
    const refusal = { code: 'request.invalid', message: expect.stringContaining(message) };
    expect(() => parseReplayStart(options)).toThrow(expect.objectContaining(refusal));
  });
});
