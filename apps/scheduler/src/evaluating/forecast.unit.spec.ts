import { describe, expect, it } from '@jest/globals';
import type { BusPosition, PartitionPosition } from '#common/contracts/bus-position.js';
import { countSince } from './forecast.js';

const partition = (changes: Partial<PartitionPosition>): PartitionPosition => ({
  ...{ topic: 'orders', partition: 0, logStartOffset: '0', endOffset: '10', committed: {}, anchor: null },
  ...changes,
});
const position = (...partitions: PartitionPosition[]): BusPosition => ({
  ...{ state: 'proven', takenAt: '2026-03-01T02:00:00Z', clusterId: 'c', topicIds: { orders: 'one' } },
  partitions,
});

describe('the events that a recovery would replay', () => {
  it.each<[string, BusPosition, BusPosition, number | undefined]>([
    ['are those written since', position(partition({})), position(partition({ endOffset: '14' })), 4],
    [
      'begin with the group that lags most',
      position(partition({ committed: { one: '9', two: '7' } })),
      position(partition({ endOffset: '14' })),
      7,
    ],
    [
      'begin where the log did for a group without a commit',
      position(partition({ logStartOffset: '3', committed: { one: null } })),
      position(partition({ endOffset: '14' })),
      11,
    ],
    [
      'are all of a partition that came later',
      position(partition({})),
      position(partition({}), partition({ partition: 1, endOffset: '5' })),
      5,
    ],
    [
      'are not known of a topic that was made anew',
      position(partition({})),
      { ...position(partition({})), topicIds: { orders: 'two' } },
      undefined,
    ],
    ['are not known without a position', position(), position(partition({})), undefined],
  ])('%s', (_, then, now, expected) => {
    expect(countSince(then, now)).toBe(expected);
  });
});
