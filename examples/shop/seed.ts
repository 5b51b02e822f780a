import type { ShopConfig } from './config.js';
import type { Queryable } from './database.js';
import { hashPassword } from './passwords.js';
import { TENANTS, USERS } from './tenants.js';

/** SQL for a version 4 shaped UUID that depends on `text` only: the same seed gives the same shop. */
const uuidOf = (text: string) =>
  `overlay(overlay(md5(${text}) PLACING '4' FROM 13 FOR 1) PLACING '8' FROM 17 FOR 1)::uuid`;

const INSERT_PRODUCTS = `
  INSERT INTO products (id, tenant_id, name, description, price_cents, attributes, picture, created_at, updated_at)
  SELECT product_id, $1::uuid,
         concat_ws(' ', adjective, material, thing, 'No.', n),
         format('%s %s made of %s. Ships in %s days.', adjective, lower(thing), lower(material), 1 + n % 5),
         499 + (n * 7919 + $3::int * 1009) % 20000,
         jsonb_build_object('material', lower(material), 'weightGrams', 100 + n * 37 % 4000, 'tags', jsonb_build_array(lower(adjective), lower(thing))),
         product_id || '.svg', seeded_at, seeded_at
  FROM generate_series(1, $2::int) AS n
  CROSS JOIN LATERAL (SELECT ${uuidOf(`'product:' || $1 || ':' || n`)} AS product_id,
    (ARRAY['Sturdy','Light','Folding','Quiet','Bright','Compact','Classic'])[1 + (n + $3::int) % 7] AS adjective,
    (ARRAY['Oak','Steel','Linen','Copper','Glass','Bamboo','Wool','Cork','Granite','Leather','Tin'])[1 + (n + $3::int) % 11] AS material,
    (ARRAY['Lamp','Chair','Kettle','Tent','Saw','Bottle','Blanket','Clock','Shelf','Ladder','Knife','Bag','Stove'])[1 + (n + $3::int) % 13] AS thing,
    timestamptz '2026-01-01 08:00:00+00' + n * interval '7 minutes' AS seeded_at) AS words
  ORDER BY n`;

const INSERT_ORDERS = `
  WITH lines AS MATERIALIZED (
    SELECT n, ${uuidOf(`'order:' || $1 || ':' || n`)} AS order_id, p.id AS product_id, p.name, p.price_cents, 1 + (n + i) % 3 AS quantity,
           timestamptz '2026-03-01 09:00:00+00' + n * interval '53 minutes' AS placed_at
    FROM generate_series(1, $2::int) AS n
    CROSS JOIN LATERAL generate_series(1, 1 + n % 3) AS i
    JOIN products p ON p.tenant_id = $1::uuid AND p.id = ${uuidOf(`'product:' || $1 || ':' || 1 + (n * 31 + i * 17) % $3::int`)}
  ), placed AS (
    INSERT INTO orders (order_id, tenant_id, order_no, user_id, status, total_cents, placed_at, projected_at)
    SELECT order_id, $1::uuid, n, (SELECT id FROM users WHERE tenant_id = $1::uuid AND email LIKE 'customer@%'),
           (ARRAY['placed','paid','shipped','cancelled'])[1 + n % 4]::order_status, sum(quantity * price_cents), placed_at, placed_at
    FROM lines GROUP BY n, order_id, placed_at
  )
  INSERT INTO order_items (tenant_id, order_id, product_id, product_name, quantity, unit_price_cents)
  SELECT $1::uuid, order_id, product_id, name, quantity, price_cents FROM lines ORDER BY n, product_id`;

const INSERT_TOTALS = `
  INSERT INTO order_totals (tenant_id, order_count, total_cents)
  SELECT t.id, count(o.order_id), coalesce(sum(o.total_cents), 0)
  FROM tenants t LEFT JOIN orders o ON o.tenant_id = t.id GROUP BY t.id`;

/** Fills an empty schema. `tx` must not be bound by row-level security. */
export async function seed(tx: Queryable, config: ShopConfig): Promise<void> {
  const { products, orders } = config.seed;
  for (const [position, tenant] of TENANTS.entries()) {
    await tx.query('INSERT INTO tenants (id, name, domain) VALUES ($1, $2, $3)', [
      tenant.id,
      tenant.name,
      tenant.domain,
    ]);
    for (const user of USERS) {
      await tx.query(
        'INSERT INTO users (tenant_id, email, display_name, is_staff, password_hash) VALUES ($1, $2, $3, $4, $5)',
        [
          tenant.id,
          `${user.user}@${tenant.domain}`,
          user.displayName,
          user.isStaff,
          await hashPassword(config.userPassword),
        ],
      );
    }
    await tx.query(INSERT_PRODUCTS, [tenant.id, products, position]);
    await tx.query(INSERT_ORDERS, [tenant.id, orders, products]);
  }
  await tx.query(INSERT_TOTALS);
}
