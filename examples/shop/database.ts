import pg from 'pg';
import type { ShopConfig } from './config.js';
import { describeError, log } from './log.js';

export type Queryable = Pick<pg.ClientBase, 'query'>;

/** The application's own connections: it logs in as a role that row-level security binds. */
export function openAppPool(config: ShopConfig, max: number): pg.Pool {
  const { hostname, port } = new URL(config.adminUrl);
  const pool = new pg.Pool({
    host: hostname,
    port: Number(port || 5432),
    user: config.roles.app,
    password: config.appPassword,
    database: config.database,
    application_name: 'shop',
    connectionTimeoutMillis: 5_000,
    max,
  });
  // an idle connection dies with its database; the next query opens another
  pool.on('error', (error) => log('warn', 'idle database connection lost', { error: describeError(error) }));
  return pool;
}

/** Runs `work` as a superuser on `database`, which is the server's own one unless named. */
export async function asAdmin<T>(
  config: ShopConfig,
  work: (client: pg.Client) => Promise<T>,
  database?: string,
): Promise<T> {
  const url = new URL(config.adminUrl);
  if (database !== undefined) url.pathname = `/${database}`;
  const client = new pg.Client({ connectionString: url.href, application_name: 'shop-admin' });
  client.on('error', (error) => log('warn', 'admin connection lost', { error: describeError(error) }));
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

export async function inTransaction<T>(pool: pg.Pool, work: (tx: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query('BEGIN');
    const result = await work(client);
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK').catch((failure: Error) => {
      broken = failure;
    });
    throw error;
  } finally {
    client.release(broken);
  }
}

/** Narrows the rest of the transaction to one tenant. */
export async function setTenant(tx: Queryable, tenantId: string): Promise<void> {
  await tx.query(`SELECT set_config('app.tenant_id', $1, true)`, [tenantId]);
}

export const asTenant = <T>(pool: pg.Pool, tenantId: string, work: (tx: pg.PoolClient) => Promise<T>): Promise<T> =>
  inTransaction(pool, async (tx) => {
    await setTenant(tx, tenantId);
    return work(tx);
  });
