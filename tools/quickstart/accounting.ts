import type { ShopSummary } from '../../examples/shop/summary.js';

export interface Account {
  readonly isRight: boolean;
  readonly rows: readonly (readonly (string | number)[])[];
  readonly problems: readonly string[];
}

export const accountHead = ['tenant', 'before', 'restored', 'replayed', 'same orders', 'same content'];

/** Holds the shop after restore and replay against the shop before its destruction: every order, none twice, none changed. */
export function accountFor(before: ShopSummary, restored: ShopSummary, after: ShopSummary): Account {
  const problems: string[] = [];
  const check = (isRight: boolean, problem: string): void => {
    if (!isRight) problems.push(problem);
  };
  const rows = before.tenants.map((tenant) => {
    const then = restored.tenants.find(({ tenantId }) => tenantId === tenant.tenantId);
    const now = after.tenants.find(({ tenantId }) => tenantId === tenant.tenantId);
    const hasSameOrders = now?.orderIdsDigest === tenant.orderIdsDigest;
    const hasSameContent = now?.ordersDigest === tenant.ordersDigest;
    check(now?.orders === tenant.orders, `${tenant.tenant} has ${now?.orders ?? 0} orders, not ${tenant.orders}`);
    check(hasSameOrders, `${tenant.tenant} does not have the same orders`);
    check(hasSameContent, `the orders of ${tenant.tenant} do not have the same numbers, totals and lines`);
    return [
      tenant.tenant,
      tenant.orders,
      then?.orders ?? 0,
      now?.orders ?? 0,
      toWord(hasSameOrders),
      toWord(hasSameContent),
    ];
  });
  check(after.tenants.length === before.tenants.length, 'the tenants are not the same');
  check(after.orderIdsDigest === before.orderIdsDigest, 'the digest over all order ids differs');
  check(after.totalCents === before.totalCents, `the orders come to ${after.totalCents}, not ${before.totalCents}`);
  check(after.isConsistent, "the shop's counters do not equal its rows: an order is there twice, or half");
  check(after.rejectedEvents === before.rejectedEvents, `${after.rejectedEvents} events were rejected`);
  check(restored.orders < before.orders, 'no order was placed after the backup: the replay proves nothing');
  const whole = ['all', before.orders, restored.orders, after.orders, '', ''];
  return { isRight: problems.length === 0, rows: [...rows, whole], problems };
}

const toWord = (isTrue: boolean): string => (isTrue ? 'yes' : 'NO');
