import { describe, expect, it } from '@jest/globals';
import { ReplayRequested } from '#common/contracts/events/replay-requested.event.js';
import { toReplayAsk } from './to-replay-ask.js';

const rules = [
  { name: 'orders', modes: ['reset' as const] },
  { name: 'payments', modes: ['reset' as const] },
];
const facts = { replayId: 'replay-1', position: undefined, rules };
const request = (fields: object) => ReplayRequested.data.parse({ dataset: 'shop', ...fields });

describe('a request for the events since an instant', () => {
  const since = '2026-11-21T09:30:00Z';

  it('means all topics of the dataset when it names none', () => {
    const ask = toReplayAsk(request({ since }), facts);
    expect(ask).toMatchObject({ start: { since: new Date(since) }, topics: ['orders', 'payments'] });
  });

  it('means the topics that it names', () => {
    expect(toReplayAsk(request({ since, topics: ['orders'] }), facts).topics).toEqual(['orders']);
  });
});

describe('a request with another start', () => {
  it('leaves the topics to the offsets', () => {
    const offsets = [{ topic: 'orders', partition: 0, offset: '7' }];
    expect(toReplayAsk(request({ offsets }), facts)).toMatchObject({ start: { offsets }, topics: undefined });
  });

  it('needs a position of the backup', () => {
    const missing = expect.objectContaining({ code: 'replay.position-missing' });
    expect(() => toReplayAsk(request({ backup: 'latest' }), facts)).toThrow(missing);
  });
});
