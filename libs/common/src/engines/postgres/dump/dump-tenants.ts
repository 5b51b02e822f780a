import type { TenantFacts } from '#common/contracts/tenant-facts.js';
import { withPgSession } from '#common/engines/postgres/pg-session.js';
import type { PostgresDataset } from '#common/engines/postgres/postgres-dataset.js';
import { recordTenants, toNoRecord } from '#common/engines/postgres/tenants/record.js';
import { AppError } from '#common/errors/app-error.js';
import { type HeldSnapshot, inHeldSnapshot } from './dump-snapshot.js';

interface WatchOptions {
  readonly dataset: PostgresDataset;
  readonly applicationName: string;
  readonly signal: AbortSignal;
}

/**
 * What the application's role sees in a held snapshot, or why that is not known: a dump is good without it. On a session of its own,
 * because reading views and functions takes locks that the snapshot's holder must not have. Undefined where the dataset names no application.
 * Throws: the abort reason.
 */
export async function watchTenants(snapshot: HeldSnapshot, o: WatchOptions): Promise<TenantFacts | undefined> {
  const { tenantTables, connection } = o.dataset;
  if (tenantTables?.application === undefined) return undefined;
  const options = { tenantTables, application: tenantTables.application };
  try {
    return await withPgSession(connection, o, (session) =>
      inHeldSnapshot(session, snapshot, () => recordTenants(session, options)),
    );
  } catch (error) {
    if (o.signal.aborted || !(error instanceof AppError)) throw error;
    return toNoRecord(options, error.message);
  }
}
