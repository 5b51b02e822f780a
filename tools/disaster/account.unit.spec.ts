import { describe, expect, it } from '@jest/globals';
import type { ShopSummary } from '../../examples/shop/summary.js';
import { accountFor, type Counts, type Recovery } from './account.js';

const counts = (changed: Partial<Counts> = {}): Counts => ({
  ...{ orders: 9, products: 5, pictures: 5, documents: 5, sessions: 7, events: 4, workflows: 1 },
  ...changed,
});
const summary = (changed: Partial<ShopSummary> = {}): ShopSummary => ({
  ...{ database: 'shop', orders: 9, totalCents: 900, rejectedEvents: 0, isConsistent: true, orderIdsDigest: 'nine' },
  tenants: [],
  ...changed,
});
const recovery = (changed: Partial<Recovery> = {}): Recovery => ({
  before: counts({ orders: 10, products: 6, events: 5 }),
  atPoint: counts(),
  atTopicBackup: { counts: counts(), summary: summary() },
  after: { counts: counts(), summary: summary() },
  report: {
    disasterAt: '2026-03-01T02:00:00.000Z',
    restored: [{ dataset: 'shop', lostSeconds: 30 }],
    verdicts: [{ step: 'verify-shop', verdict: 'passed' }],
    eventsReplayed: 3,
    steps: [{ name: 'verify-shop', endedAt: '2026-03-01T02:00:12.500Z' }],
  },
  ...changed,
});

describe('accountFor', () => {
  it('says per kind what was lost, as of when it came back, and after how long', () => {
    const { rows, problems } = accountFor(recovery());
    expect(problems).toEqual([]);
    expect(rows[0]).toEqual(['database', 'products', 6, 5, 1, '30.0 s before', '12.5 s']);
    expect(rows.at(-1)).toEqual(['temporal', 'workflows', 1, 1, 0, 'unknown', 'never']);
  });

  it('leaves out a kind that is not there', () => {
    const without = counts({ workflows: null });
    const { rows, problems } = accountFor(
      recovery({ atPoint: without, after: { counts: without, summary: summary() } }),
    );
    expect({ rows: rows.length, problems }).toEqual({ rows: 6, problems: [] });
  });

  it.each<[string, Partial<Recovery>, RegExp]>([
    [
      'a picture that is missing',
      { after: { counts: counts({ pictures: 4 }), summary: summary() } },
      /4 pictures came back, not 5/,
    ],
    [
      'an event too many',
      { after: { counts: counts({ events: 5 }), summary: summary() } },
      /5 events came back, not 4/,
    ],
    [
      'other orders',
      { after: { counts: counts(), summary: summary({ orderIdsDigest: 'other' }) } },
      /not those whose events/,
    ],
    [
      'an order that is there twice',
      { after: { counts: counts(), summary: summary({ isConsistent: false }) } },
      /twice, or half/,
    ],
    [
      'a verdict',
      { report: { ...recovery().report, verdicts: [{ step: 'verify-media', verdict: 'failed' }] } },
      /verify-media did not pass/,
    ],
    ['a replay of nothing', { report: { ...recovery().report, eventsReplayed: 0 } }, /proves nothing/],
  ])('finds %s', (_what, changed, problem) => {
    expect(accountFor(recovery(changed)).problems).toEqual([expect.stringMatching(problem)]);
  });
});
