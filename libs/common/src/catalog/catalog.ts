import { parsePgUrl } from '#common/pg/connection.js';
import { type CatalogTx, toCatalogTx } from './catalog-tx.js';
import { type CatalogOptions, openDataSource } from './connection.js';
import { CatalogListener, type OnNotification } from './listener.js';
import { runMigrations } from './migrate.js';
import { defaultMigrationsFolder } from './migration-files.js';
import { runTransaction, type TransactionOptions } from './transaction.js';

/** PostgreSQL truth: who does what, what exists, what was said. */
export interface Catalog {
  /**
   * Commits everything that `work` did, or nothing. `work` may run several times (deadlock, lost connection), so it does nothing
   * but use its `tx`. Throws: catalog.unavailable after 15 s, or once `until` has fired; and what `work` throws.
   */
  transaction<T>(work: (tx: CatalogTx) => Promise<T>, options?: TransactionOptions): Promise<T>;
  /** Brings the schema up to date; returns what was applied. Safe to call from every process at once. Throws: catalog.drift. */
  migrate(): Promise<readonly string[]>;
  /** Hints about `Channels`; poll as well. The returned function ends it. */
  listen(channel: string, callback: OnNotification): Promise<() => void>;
  close(): Promise<void>;
}

/** Throws: catalog.unavailable, config.invalid. */
export async function openCatalog(options: CatalogOptions): Promise<Catalog> {
  const dataSource = await openDataSource(options);
  const listener = new CatalogListener(parsePgUrl(options.url), options.applicationName);
  return {
    transaction: (work, transaction) => runTransaction(dataSource, (sql) => work(toCatalogTx(sql)), transaction),
    migrate: () => runMigrations(dataSource, options.migrationsFolder ?? defaultMigrationsFolder()),
    listen: (channel, callback) => listener.listen(channel, callback),
    close: async () => {
      await listener.close();
      await dataSource.destroy();
    },
  };
}
