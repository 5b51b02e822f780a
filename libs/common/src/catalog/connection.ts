import { DataSource } from 'typeorm';
import { assertDirect, connectPg, type PgClientOptions, type PgRoute } from '#common/pg/client.js';
import { type PgConnection, parsePgUrl } from '#common/pg/connection.js';
import { entities } from './entities/entity-list.js';
import { toPoolClient } from './pool-client.js';
import { toCatalogError } from './sql-errors.js';

export interface CatalogOptions {
  readonly url: string;
  readonly poolSize?: number;
  /** Shown by pg_stat_activity: `holdfast executor`. */
  readonly applicationName: string;
  /** Default: where the package keeps them. */
  readonly migrationsFolder?: string;
}

/**
 * A process that was frozen inside a transaction would hold its locks, the claim lock too, until it thaws: the server ends
 * such a session. No statement waits long for a lock either; 55P03 repeats the transaction. The ledger reasons in READ COMMITTED.
 */
const SESSION = {
  idle_in_transaction_session_timeout: '10s',
  lock_timeout: '5s',
  default_transaction_isolation: 'read\\ committed',
};

const CONNECT_TIMEOUT_MS = 5_000;

export const toClientOptions = ({ connectTimeoutSeconds }: PgConnection, applicationName: string): PgClientOptions => ({
  applicationName,
  connectTimeoutMs: connectTimeoutSeconds === undefined ? CONNECT_TIMEOUT_MS : connectTimeoutSeconds * 1_000,
});

/** A pool of connections that is open. Throws: catalog.unavailable, config.invalid. */
export async function openDataSource({ url, poolSize = 10, applicationName }: CatalogOptions): Promise<DataSource> {
  const connection = parsePgUrl(url);
  const client = toClientOptions(connection, applicationName);
  try {
    const route = await findRoute(connection, client);
    const dataSource = new DataSource({
      type: 'postgres',
      database: connection.database,
      poolSize,
      schema: 'holdfast',
      entities,
      synchronize: false,
      migrationsRun: false,
      installExtensions: false,
      logging: false,
      // The next user of the catalog notices a connection that died in the pool.
      poolErrorHandler: () => undefined,
      extra: { Client: toPoolClient(connection, route, { ...client, settings: SESSION }) },
    });
    return await dataSource.initialize();
  } catch (error) {
    throw toCatalogError(error, true);
  }
}

/** Which of the hosts answers, and whether with TLS. What is listened for and locked needs a session that stays one. */
async function findRoute(connection: PgConnection, o: PgClientOptions): Promise<PgRoute> {
  const { client, route, connection: reached } = await connectPg(connection, o);
  try {
    const { rows } = await client.query<{ pid: number }>('SELECT pg_catalog.pg_backend_pid() AS pid');
    assertDirect(client, rows[0]?.pid ?? 0, reached);
    return route;
  } finally {
    await client.end();
  }
}
