import { describe, expect, it } from '@jest/globals';
import { ReplayRequested } from '#common/contracts/events/replay-requested.event.js';
import type { Installation } from '#common/service/installation.js';
import { replayIntake } from './verifier-intake.js';

const now = new Date('2026-11-21T10:00:00Z');
const installation = {
  config: { verifier: { maxAttempts: 3 } },
  topicRules: () => [{ name: 'shop.orders', modes: ['reset'] }],
} as unknown as Installation;

function decide(fields: object) {
  const data = ReplayRequested.data.parse({ dataset: 'shop', ...fields });
  const event = { specversion: '1.0' as const, id: 'e-1', source: '/spec', type: ReplayRequested.type };
  return replayIntake(installation).decide({ ...event, time: now.toISOString(), data }, now);
}

const at = (topic: string) => ({ topic, partition: 0, offset: '7' });

describe('the intake of replays', () => {
  it.each([
    ['an instant alone', { since: '2026-11-21T09:30:00Z' }],
    ['offsets of the dataset’s topics', { offsets: [at('shop.orders')] }],
    ['a backup', { backup: 'latest' }],
  ])('takes %s', (_, fields) => {
    expect(decide(fields)).toMatchObject({ kind: 'replay', dataset: 'shop', maxAttempts: 3 });
  });

  it.each([
    ['offsets of another dataset’s topic', { offsets: [at('crm.leads')] }, 'request.refused'],
    ['one strange topic among its own', { offsets: [at('shop.orders'), at('crm.leads')] }, 'request.refused'],
    ['two starts', { since: '2026-11-21T09:30:00Z', offsets: [at('shop.orders')] }, 'request.invalid'],
    ['no start', {}, 'request.invalid'],
  ])('rejects %s before any run', (_, fields, code) => {
    expect(() => decide(fields)).toThrow(expect.objectContaining({ code }));
  });
});
