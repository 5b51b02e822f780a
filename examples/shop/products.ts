import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { asTenant, type Queryable } from './database.js';
import { type Pictures, toPictureKey } from './pictures.js';
import type { ProductDocument } from './product-index.js';

export type Product = { id: string; name: string; description: string; priceCents: number; picture: string };
export type NewProduct = { name: string; description: string; priceCents: number };

const COLUMNS = 'id, name, description, price_cents AS "priceCents", picture';

/** As the search index holds it; the instant is written as JavaScript writes it. */
const DOCUMENT = `id, tenant_id AS "tenantId", name, description, price_cents AS "priceCents",
  to_char(updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS "updatedAt"`;
const PAGE = 1_000;

export async function listProducts(tx: Queryable, limit: number): Promise<Product[]> {
  const sql = `SELECT ${COLUMNS} FROM tenant_products ORDER BY name, id LIMIT $1`;
  return (await tx.query<Product>(sql, [limit])).rows;
}

/** Those of `ids` that exist, in the order of `ids`: names and prices come from the database, never from the search index. */
export async function productsById(tx: Queryable, ids: readonly string[]): Promise<Product[]> {
  const sql = `SELECT ${COLUMNS} FROM tenant_products WHERE id = ANY($1::uuid[]) ORDER BY array_position($1::uuid[], id)`;
  return (await tx.query<Product>(sql, [ids])).rows;
}

/** The picture first: no row ever refers to one that is not there. */
export async function addProduct(
  tx: Queryable,
  tenantId: string,
  { pictures, ...p }: NewProduct & { pictures: Pictures },
): Promise<ProductDocument> {
  const id = randomUUID();
  const picture = toPictureKey(id);
  await pictures.put({ id, name: p.name, picture });
  const sql = `INSERT INTO products (id, tenant_id, name, description, price_cents, picture) VALUES ($1, $2, $3, $4, $5, $6) RETURNING ${DOCUMENT}`;
  const values = [id, tenantId, p.name, p.description, p.priceCents, picture];
  const { rows } = await tx.query<ProductDocument>(sql, values);
  return rows[0] as ProductDocument;
}

export async function setPrice(tx: Queryable, id: string, priceCents: number): Promise<ProductDocument | undefined> {
  const sql = `UPDATE products SET price_cents = $2 WHERE id = $1 RETURNING ${DOCUMENT}`;
  return (await tx.query<ProductDocument>(sql, [id, priceCents])).rows[0];
}

/** Every product of every tenant that changed at or after `since`, page by page, each page in its own transaction. */
export async function* productPages(pool: pg.Pool, since: Date): AsyncGenerator<ProductDocument[]> {
  const tenants = await pool.query<{ id: string }>('SELECT id FROM tenants ORDER BY id');
  const sql = `SELECT ${DOCUMENT} FROM products WHERE id > $1 AND updated_at >= $2 ORDER BY products.id LIMIT ${PAGE}`;
  for (const tenant of tenants.rows) {
    let after = '00000000-0000-0000-0000-000000000000';
    for (;;) {
      const { rows } = await asTenant(pool, tenant.id, (tx) => tx.query<ProductDocument>(sql, [after, since]));
      const last = rows.at(-1);
      if (last === undefined) break;
      yield rows;
      after = last.id;
    }
  }
}
