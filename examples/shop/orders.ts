import type pg from 'pg';
import { type Queryable, setTenant } from './database.js';
import type { OrderPlaced, OrderRequest } from './order-event.js';
import { productsById } from './products.js';
import type { Session } from './tokens.js';

export type Order = { orderNo: number; orderId: string; status: string; totalCents: number; placedAt: string };

/** Prices the request from the tenant's products; undefined when it names one that the tenant does not sell. */
export async function toOrderPlaced(
  tx: Queryable,
  request: OrderRequest & { orderId: string },
  { session, placedAt }: { session: Session; placedAt: Date },
): Promise<OrderPlaced | undefined> {
  const products = new Map(
    (
      await productsById(
        tx,
        request.items.map((item) => item.productId),
      )
    ).map((p) => [p.id, p]),
  );
  const items = request.items.flatMap(({ productId, quantity }) => {
    const product = products.get(productId);
    return product ? [{ productId, productName: product.name, quantity, unitPriceCents: product.priceCents }] : [];
  });
  if (items.length < request.items.length) return undefined;
  return {
    type: 'order.placed',
    orderId: request.orderId,
    tenantId: session.tenantId,
    userId: session.userId,
    placedAt: placedAt.toISOString(),
    totalCents: items.reduce((sum, item) => sum + item.quantity * item.unitPriceCents, 0),
    items,
  };
}

export async function listOrders(tx: Queryable, limit: number): Promise<Order[]> {
  const { rows } = await tx.query<Order>(
    `SELECT order_no::int AS "orderNo", order_id AS "orderId", status, total_cents::float8 AS "totalCents",
            to_char(placed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS "placedAt"
     FROM tenant_orders ORDER BY order_no DESC LIMIT $1`,
    [limit],
  );
  return rows;
}

export async function countOrders(tx: Queryable): Promise<number> {
  const { rows } = await tx.query<{ count: number }>(`SELECT order_count::int AS count FROM order_summary()`);
  return rows[0]?.count ?? 0;
}

/**
 * Writes an order, its items and the tenant's totals, or nothing if the order is already there. The lock on the totals row
 * makes a tenant's orders wait for each other, so numbers have no holes and a redelivered order is always seen.
 */
export async function recordOrder(tx: pg.ClientBase, order: OrderPlaced): Promise<'recorded' | 'known'> {
  await setTenant(tx, order.tenantId);
  const totals = await tx.query<{ count: string }>(
    'SELECT order_count AS count FROM order_totals WHERE tenant_id = $1 FOR UPDATE',
    [order.tenantId],
  );
  const [row] = totals.rows;
  if (row === undefined) throw new Error(`tenant ${order.tenantId} has no totals`);
  const inserted = await tx.query(
    `INSERT INTO orders (order_id, tenant_id, order_no, user_id, total_cents, placed_at) VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT (tenant_id, order_id) DO NOTHING`,
    [order.orderId, order.tenantId, BigInt(row.count) + 1n, order.userId, order.totalCents, order.placedAt],
  );
  if (inserted.rowCount === 0) return 'known';
  await tx.query(
    `INSERT INTO order_items (tenant_id, order_id, product_id, product_name, quantity, unit_price_cents)
     SELECT $1, $2, i."productId", i."productName", i.quantity, i."unitPriceCents"
     FROM jsonb_to_recordset($3::jsonb) AS i("productId" uuid, "productName" text, quantity int, "unitPriceCents" int)`,
    [order.tenantId, order.orderId, JSON.stringify(order.items)],
  );
  await tx.query(
    `UPDATE order_totals SET order_count = order_count + 1, total_cents = total_cents + $2, updated_at = now() WHERE tenant_id = $1`,
    [order.tenantId, order.totalCents],
  );
  return 'recorded';
}
