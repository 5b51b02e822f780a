import type { SnapshotFacts } from '#common/contracts/snapshot-facts.js';
import type { PostgresDataset, PostgresManifest, PostgresTarget } from '#common/engines/postgres/postgres-dataset.js';
import type { TenantTables } from '#common/engines/postgres/tenants/tenant-tables.js';
import type { PgConnection } from '#common/pg/connection.js';
import type { ProbeContext } from '#common/probes/probe-context.js';
import type { BackupRepository } from '#common/repository/backup-repository.js';
import { Keyring } from '#common/sealing/keyring.js';
import { endpoints } from '#tools/services/endpoints.js';

/** A database as a restore left it; by default with its owners and privileges. */
export interface Restored {
  readonly database: PgConnection;
  readonly privileges?: 'keep' | 'drop';
  readonly owner?: string | undefined;
  readonly tenantTables?: TenantTables | undefined;
}

/** Where it is, as dataset, target and destination. */
export function toPlace({ database, privileges = 'keep', owner, tenantTables }: Restored) {
  const toolDirectories = [endpoints.postgres18.binDir];
  const target: PostgresTarget = {
    ...{ name: 'staging', connection: database, toolDirectories, owner, privileges },
    ...{ missingRoles: 'refuse', jobs: 1, lockTimeoutMs: 2_000 },
  };
  const dataset: PostgresDataset = {
    ...{ name: 'shop', connection: database, toolDirectories, fingerprintTables: ['*.*'], exactCountLimit: 5_000_000 },
    ...{ migrationHeadQuery: undefined, tenantTables, compression: { level: 1, threads: 1 } },
  };
  return { dataset, target, destination: database.database };
}

/** For one probe. */
export const toProbeContext = (
  restored: Restored,
  expected: { readonly manifest: PostgresManifest; readonly repository: BackupRepository; readonly keyring?: Keyring },
): ProbeContext<PostgresDataset, PostgresTarget, SnapshotFacts> => ({
  ...{ keyring: Keyring.empty, signal: new AbortController().signal, inventory: noInventory, ...expected },
  ...toPlace(restored),
});

/** Of a backup that shares nothing. */
export async function* noInventory(): AsyncGenerator<never> {}
