import { describe, expect, it } from '@jest/globals';
import { toDestination, toNames } from './restore/destination.js';
import { findAbsent, pickTopics } from './topic-patterns.js';

describe('the topics that a dataset means', () => {
  const names = ['__consumer_offsets', 'shop.orders', 'shop.scratch', 'shop_orders', 'shopXorders'];

  it('are those of its names, in which a dot is a dot', () => {
    expect(pickTopics(names, { include: ['shop.orders'], exclude: [] })).toEqual(['shop.orders']);
  });

  it('are those of its patterns, and none of the broker itself', () => {
    expect(pickTopics(names, { include: ['*'], exclude: ['*.scratch', 'shopX*'] })).toEqual([
      'shop.orders',
      'shop_orders',
    ]);
    expect(pickTopics(names, { include: ['__consumer_offsets'], exclude: [] })).toEqual(['__consumer_offsets']);
  });

  it('are missed by name, and never by pattern', () => {
    expect(findAbsent(names, ['shop.orders', 'shop.returns', 'none.*'])).toEqual(['shop.returns']);
  });
});

describe('a destination of topics', () => {
  const target = { rename: { orders: 'orders-2', constructor: 'made' } };

  it.each([
    ['same', 'orders', 'projector'],
    ['renamed', 'orders-2', 'projector'],
    ['restored.', 'restored.orders', 'restored.projector'],
  ])('%s names topics and groups', (destination, topic, group) => {
    const names = toNames(toDestination(destination), target);
    expect([names.topic('orders'), names.group('projector')]).toEqual([topic, group]);
  });

  it('keeps the name of what is not renamed, whatever objects have by nature', () => {
    expect(toNames('renamed', { rename: {} }).topic('constructor')).toBe('constructor');
  });

  it.each(['restored', 'a b.', '', '*', 'other/'])('is not %j', (destination) => {
    expect(() => toDestination(destination)).toThrow(/no destination of topics/);
  });
});
