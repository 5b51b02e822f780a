import type { ShopConfig } from './config.js';
import { asAdmin } from './database.js';

export type TenantSummary = {
  tenant: string;
  tenantId: string;
  /** Rows of orders, and what the counter that is kept with them says. */
  orders: number;
  totalCents: number;
  countedOrders: number;
  countedTotalCents: number;
  items: number;
  products: number;
  productCents: number;
  /** SHA-256 over the tenant's order ids, sorted. */
  orderIdsDigest: string;
  /** SHA-256 over order ids with number, total and lines. */
  ordersDigest: string;
};

export type ShopSummary = {
  database: string;
  orders: number;
  totalCents: number;
  rejectedEvents: number;
  /** Every tenant's counter equals its rows, and every order equals its lines: no order is half there or there twice. */
  isConsistent: boolean;
  orderIdsDigest: string;
  tenants: TenantSummary[];
};

const DIGEST = (rows: string) => `encode(sha256(convert_to(coalesce(${rows}, ''), 'UTF8')), 'hex')`;

const PER_TENANT = `
  WITH lines AS (
    SELECT tenant_id, order_id, count(*) AS items, sum(line_cents) AS cents, string_agg(product_id || 'x' || quantity, ',' ORDER BY product_id, quantity) AS text
    FROM order_items GROUP BY tenant_id, order_id
  ), per_order AS (
    SELECT o.tenant_id, count(*) AS orders, sum(o.total_cents) AS cents, sum(l.items) AS items, bool_and(l.cents IS NOT DISTINCT FROM o.total_cents) AS adds_up,
           ${DIGEST(`string_agg(o.order_id::text, ',' ORDER BY o.order_id)`)} AS ids,
           ${DIGEST(`string_agg(concat_ws('|', o.order_id, o.order_no, o.total_cents, l.text), ',' ORDER BY o.order_id)`)} AS digest
    FROM orders o LEFT JOIN lines l USING (tenant_id, order_id) GROUP BY o.tenant_id
  ), per_product AS (
    SELECT tenant_id, count(*) AS products, sum(price_cents) AS cents FROM products GROUP BY tenant_id
  )
  SELECT t.name AS tenant, t.id AS "tenantId", coalesce(o.orders, 0)::float8 AS orders, coalesce(o.cents, 0)::float8 AS "totalCents",
         coalesce(c.order_count, 0)::float8 AS "countedOrders", coalesce(c.total_cents, 0)::float8 AS "countedTotalCents",
         coalesce(o.items, 0)::float8 AS items, coalesce(p.products, 0)::float8 AS products, coalesce(p.cents, 0)::float8 AS "productCents",
         coalesce(o.ids, ${DIGEST('NULL')}) AS "orderIdsDigest", coalesce(o.digest, ${DIGEST('NULL')}) AS "ordersDigest",
         coalesce(o.adds_up, true) AS "addsUp"
  FROM tenants t
  LEFT JOIN per_order o ON o.tenant_id = t.id
  LEFT JOIN per_product p ON p.tenant_id = t.id
  LEFT JOIN order_totals c ON c.tenant_id = t.id
  ORDER BY t.name`;

/** What the shop holds, in one snapshot, past row-level security. Two shops with equal digests hold the same orders. */
export const summarize = (config: ShopConfig): Promise<ShopSummary> =>
  asAdmin(
    config,
    async (client) => {
      await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
      const { rows } = await client.query<TenantSummary & { addsUp: boolean }>(PER_TENANT);
      const whole = await client.query<{ ids: string; rejected: number }>(
        `SELECT ${DIGEST(`(SELECT string_agg(order_id::text, ',' ORDER BY order_id) FROM orders)`)} AS ids,
              (SELECT count(*)::int FROM rejected_events) AS rejected`,
      );
      const [{ ids, rejected }] = whole.rows as [{ ids: string; rejected: number }];
      const tenants = rows.map(({ addsUp: _, ...tenant }) => tenant);
      return {
        database: config.database,
        orders: tenants.reduce((sum, tenant) => sum + tenant.orders, 0),
        totalCents: tenants.reduce((sum, tenant) => sum + tenant.totalCents, 0),
        rejectedEvents: rejected,
        isConsistent: rows.every(
          (t) => t.addsUp && t.orders === t.countedOrders && t.totalCents === t.countedTotalCents,
        ),
        orderIdsDigest: ids,
        tenants,
      };
    },
    config.database,
  );
