import { describe, expect, it } from '@jest/globals';
import {
  assertNotExpired,
  assertNotFromFuture,
  assertRestoreAllowed,
  decideExpiry,
  decideReplayTopics,
} from './request.policy.js';

const rules = {
  datasets: ['shop'],
  strategies: ['new'],
  destinations: ['shop*'],
  forbidden: ['shop_catalog', 'postgres'],
};
const wish = { dataset: 'shop', target: 'staging', strategy: 'new', destination: 'shop_2' };

describe('a restore request', () => {
  it('is allowed when dataset, strategy and destination fit', () => {
    expect(() => assertRestoreAllowed(wish, rules)).not.toThrow();
  });

  it.each([
    ['an unknown dataset', { dataset: 'crm' }],
    ['a strategy that the target does not accept', { strategy: 'in-place' }],
    ['a destination outside the patterns', { destination: 'billing' }],
    ['a pattern is no regular expression', { destination: 'xshop' }],
    ['the catalog, whatever the patterns say', { destination: 'shop_catalog' }],
  ])('is refused for %s', (_, difference) => {
    expect(() => assertRestoreAllowed({ ...wish, ...difference }, rules)).toThrow(/does not accept/);
  });
});

describe('the expiry of a request', () => {
  const time = '2026-01-01T00:00:00Z';

  it('is an hour after its time', () => {
    expect(decideExpiry(time, undefined)).toEqual(new Date('2026-01-01T01:00:00Z'));
  });

  it('may be less, never more', () => {
    expect(decideExpiry(time, '2026-01-01T00:10:00Z')).toEqual(new Date('2026-01-01T00:10:00Z'));
    expect(decideExpiry(time, '2027-01-01T00:00:00Z')).toEqual(new Date('2026-01-01T01:00:00Z'));
  });

  it('refuses last week’s request when it is delivered again', () => {
    const expiry = decideExpiry(time, undefined);
    expect(() => assertNotExpired('restore.requested 7', expiry, new Date('2026-01-08T00:00:00Z'))).toThrow(
      /expired at/,
    );
    expect(() => assertNotExpired('restore.requested 7', expiry, new Date('2026-01-01T00:59:59Z'))).not.toThrow();
  });
});

describe('the time of a request', () => {
  const now = new Date('2026-01-01T00:00:00Z');

  it('may be ahead as far as clocks differ', () => {
    expect(() => assertNotFromFuture('restore.requested 7', '2026-01-01T00:04:00Z', now)).not.toThrow();
  });

  it('is refused when it lies in the future, for such a request would outlive our memory of it', () => {
    expect(() => assertNotFromFuture('restore.requested 7', '2999-01-01T00:00:00Z', now)).toThrow(/2999/);
  });
});

describe('a replay request', () => {
  const topics = [
    {
      name: 'orders',
      groups: ['projector'],
      modes: ['reset' as const, 'republish' as const],
      destinations: ['orders.again'],
    },
  ];
  const replay = {
    dataset: 'shop',
    mode: 'reset' as const,
    topics: undefined,
    groups: undefined,
    destination: undefined,
  };

  it('takes all topics of the dataset when it names none', () => {
    expect(decideReplayTopics(replay, topics)).toEqual(topics);
  });

  it.each([
    ['a topic that the dataset does not list', { topics: ['payments'] }],
    ['a group that the topic does not accept', { groups: ['billing'] }],
    ['a mode that the topic does not accept', { mode: 'rewind' as never }],
    ['a destination that the configuration does not allow', { mode: 'republish' as const, destination: 'payments' }],
    ['republishing into the origin unless it is allowed', { mode: 'republish' as const }],
  ])('is refused for %s', (_, difference) => {
    expect(() => decideReplayTopics({ ...replay, ...difference }, topics)).toThrow(/does not accept/);
  });

  it('takes the topics of its offsets', () => {
    expect(decideReplayTopics({ ...replay, offsets: [{ topic: 'orders' }, { topic: 'orders' }] }, topics)).toEqual(
      topics,
    );
  });

  it('is refused for offsets of a topic of another dataset, whatever topics it names', () => {
    const offsets = [{ topic: 'orders' }, { topic: 'payments' }];
    for (const named of [undefined, ['orders']]) {
      expect(() => decideReplayTopics({ ...replay, topics: named, offsets }, topics)).toThrow(
        expect.objectContaining({ code: 'request.refused', message: expect.stringContaining('payments') }),
      );
    }
  });

  it('is invalid when it names a topic without an offset for it', () => {
    const wish = { ...replay, topics: ['orders', 'refunds'], offsets: [{ topic: 'orders' }] };
    expect(() => decideReplayTopics(wish, topics)).toThrow(expect.objectContaining({ code: 'request.invalid' }));
  });

  it('may copy into the origin alone when no destinations are listed', () => {
    const rules = [{ name: 'orders', modes: ['republish' as const] }];
    const wish = { ...replay, mode: 'republish' as const };
    expect(decideReplayTopics(wish, rules)).toEqual(rules);
    expect(() => decideReplayTopics({ ...wish, destination: 'payments' }, rules)).toThrow(/to "payments"/);
  });

  it('is refused when the dataset has no topics', () => {
    expect(() => decideReplayTopics(replay, [])).toThrow(/none are configured/);
  });
});
