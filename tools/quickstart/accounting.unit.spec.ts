import { describe, expect, it } from '@jest/globals';
import type { ShopSummary, TenantSummary } from '../../examples/shop/summary.js';
import { accountFor } from './accounting.js';

const acme = (changed: Partial<TenantSummary> = {}): TenantSummary => ({
  ...{ tenant: 'Acme', tenantId: 'a', orders: 5, totalCents: 500, countedOrders: 5, countedTotalCents: 500 },
  ...{ items: 9, products: 3, productCents: 30, orderIdsDigest: 'ids', ordersDigest: 'orders' },
  ...changed,
});

const shop = (changed: Partial<ShopSummary> = {}, tenant: Partial<TenantSummary> = {}): ShopSummary => ({
  ...{ database: 'shop', orders: 5, totalCents: 500, rejectedEvents: 0, isConsistent: true, orderIdsDigest: 'all' },
  tenants: [acme(tenant)],
  ...changed,
});

const restored = shop({ orders: 3, totalCents: 300, orderIdsDigest: 'some' }, { orders: 3 });

describe('accountFor', () => {
  it('is right when every order is back, none twice, none changed', () => {
    const account = accountFor(shop(), restored, shop());
    expect(account.problems).toEqual([]);
    expect(account.rows).toEqual([
      ['Acme', 5, 3, 5, 'yes', 'yes'],
      ['all', 5, 3, 5, '', ''],
    ]);
  });

  it.each([
    ['an order that is missing', shop({ orders: 4 }, { orders: 4, orderIdsDigest: 'x' }), /has 4 orders, not 5/],
    ['an order that was exchanged', shop({ orderIdsDigest: 'x' }), /digest over all order ids/],
    ['an order that was changed', shop({}, { ordersDigest: 'x' }), /numbers, totals and lines/],
    ['another sum', shop({ totalCents: 501 }), /come to 501, not 500/],
    ['counters that say otherwise', shop({ isConsistent: false }), /twice, or half/],
    ['an event that was rejected', shop({ rejectedEvents: 1 }), /1 events were rejected/],
    ['a tenant that is missing', shop({ tenants: [] }), /tenants are not the same/],
  ])('names %s', (_, after, problem) => {
    const account = accountFor(shop(), restored, after);
    expect(account.isRight).toBe(false);
    expect(account.problems.join('\n')).toMatch(problem);
  });

  it('does not call a replay of nothing a proof', () => {
    expect(accountFor(shop(), shop(), shop()).isRight).toBe(false);
  });
});
