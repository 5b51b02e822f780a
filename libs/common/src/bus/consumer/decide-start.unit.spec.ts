import { describe, expect, it } from '@jest/globals';
import { decideStart, type PartitionFacts } from './decide-start.js';

const facts = (of: Partial<PartitionFacts>): PartitionFacts => ({
  committed: { offset: 7n, topicId: 'one' },
  topicId: 'one',
  logStart: 2n,
  logEnd: 9n,
  ...of,
});

describe('where a group goes on', () => {
  it.each<[string, Partial<PartitionFacts>, object]>([
    ['where it was', {}, { offset: 7n }],
    ['at the end, when it has read all', { logEnd: 7n }, { offset: 7n }],
    ['at the first record, when it never was anywhere', { committed: undefined }, { offset: 2n }],
    ['where it was, when an older service committed', { committed: { offset: 7n, topicId: null } }, { offset: 7n }],
    ['where it was, when the broker knows no ids', { topicId: null }, { offset: 7n }],
    [
      'at the first record of a topic that was made anew',
      { topicId: 'two', logStart: 0n },
      { offset: 0n, replaced: { formerId: 'one' } },
    ],
    [
      'at the first record, when it was beyond the last: only a topic made anew is shorter',
      { committed: { offset: 12n, topicId: null }, topicId: null },
      { offset: 2n, replaced: { formerId: null } },
    ],
    [
      'at the first record that is left, telling which are not',
      { logStart: 8n },
      { offset: 8n, lost: { fromOffset: 7n, toOffset: 8n } },
    ],
  ])('%s', (_, of, start) => {
    expect(decideStart(facts(of))).toEqual(start);
  });
});
