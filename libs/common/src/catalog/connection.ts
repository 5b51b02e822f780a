import { DataSource } from 'typeorm';
import { entities } from './entities/entity-list.js';

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
 * such a session. Nobody waits long for a lock either; 55P03 repeats the transaction. The ledger reasons in READ COMMITTED.
 */
const SESSION = [
  '-c idle_in_transaction_session_timeout=10s',
  '-c lock_timeout=5s',
  '-c default_transaction_isolation=read\\ committed',
].join(' ');

export const CONNECT_TIMEOUT_MS = 5_000;

/** libpq's meaning of sslmode; node-postgres would read `require` as `verify-full`. */
export function toConnectionString(url: string): string {
  const isLibpqMeant = /[?&]sslmode=/.test(url) && !/[?&]uselibpqcompat=/.test(url);
  return isLibpqMeant ? `${url}&uselibpqcompat=true` : url;
}

export const toDataSource = ({ url, poolSize = 10, applicationName }: CatalogOptions): DataSource =>
  new DataSource({
    type: 'postgres',
    url: toConnectionString(url),
    applicationName,
    poolSize,
    schema: 'holdfast',
    entities,
    synchronize: false,
    migrationsRun: false,
    installExtensions: false,
    logging: false,
    connectTimeoutMS: CONNECT_TIMEOUT_MS,
    // A connection that dies in the pool is noticed by whoever uses the catalog next.
    poolErrorHandler: () => undefined,
    extra: { keepAlive: true, options: SESSION },
  });
