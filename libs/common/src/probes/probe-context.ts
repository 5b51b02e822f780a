import type { OpenManifest } from '#common/contracts/manifest.js';
import type { PgTools } from '#common/engines/postgres/pg-tools.js';
import type { TenantTables } from '#common/engines/postgres/tenants/tenant-tables.js';
import type { PgConnection } from '#common/pg/connection.js';
import type { BackupRepository } from '#common/repository/backup-repository.js';
import type { Keyring } from '#common/sealing/keyring.js';

/** What the restored database is held against, and how to reach it. */
export interface ProbeContext {
  /** The expected facts, taken in the dump's own snapshot. */
  readonly manifest: OpenManifest;
  /** The restored database, as a role that sees every row. */
  readonly database: PgConnection;
  readonly repository: BackupRepository;
  /** What opens the objects of an encrypted backup. */
  readonly keyring: Keyring;
  readonly tools: PgTools;
  /** Directories that hold PostgreSQL client tools, searched first. */
  readonly toolDirectories: readonly string[];
  /** Whether owners and privileges came back with the data, and who owns everything when they did not. */
  readonly privileges: 'keep' | 'drop';
  readonly owner: string | undefined;
  readonly tenantTables: TenantTables | undefined;
  readonly signal: AbortSignal;
}
