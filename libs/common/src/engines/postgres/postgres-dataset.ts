import type { OpenManifest } from '#common/contracts/manifest.js';
import type { SnapshotFacts } from '#common/contracts/snapshot-facts.js';
import { type PgConnection, withDatabase } from '#common/pg/connection.js';
import type { BaseOptions } from './base/base-command.js';
import type { TenantTables } from './tenants/tenant-tables.js';

/** The manifest of a dump whose facts were read. */
export type PostgresManifest = OpenManifest<SnapshotFacts>;

/** How the WAL of a dataset's cluster comes to the repository. */
export type WalOptions =
  | {
      /** An executor receives it. */
      readonly mode: 'stream';
      /** The replication slot that keeps WAL until it is stored; undefined: `holdfast_` and the dataset's name. */
      readonly slot: string | undefined;
    }
  /** The server's `archive_command` hands it over. */
  | { readonly mode: 'push' };

/** How many tables a dump copies at once. */
export interface DumpJobs {
  readonly jobs: number;
}

/** A PostgreSQL database to protect, as the engine needs to know it. */
export interface PostgresDataset {
  readonly name: string;
  readonly connection: PgConnection;
  /** Directories that hold client tools, searched before the well-known places and PATH. */
  readonly toolDirectories: readonly string[];
  /** Tables (schema.table patterns with `*`) whose content is fingerprinted. */
  readonly fingerprintTables: readonly string[];
  /** Tables with more estimated rows than this are counted by estimate. */
  readonly exactCountLimit: number;
  /** How long a dump waits for a table that another session holds in ACCESS EXCLUSIVE mode. Default 30 s. */
  readonly lockTimeoutMs?: number | undefined;
  /** A query that returns one text: where the application's migrations stand. */
  readonly migrationHeadQuery: string | undefined;
  /** Which tables belong to tenants, and what of it is recorded in the snapshot. */
  readonly tenantTables: TenantTables | undefined;
  /** Set where its WAL is archived without an end. */
  readonly wal?: WalOptions | undefined;
  /** How it is dumped; absent: by one job. */
  readonly dump?: DumpJobs | undefined;
  /** How it is copied physically; absent: by the defaults. */
  readonly base?: BaseOptions | undefined;
  /** zstd level and threads of the compressing child. */
  readonly compression: { readonly level: number; readonly threads: number };
}

/** A server to restore to. */
export interface PostgresTarget {
  readonly name: string;
  /** A role that may create databases. Which database its url names does not matter: see `serverOf`. */
  readonly connection: PgConnection;
  readonly toolDirectories: readonly string[];
  /** Who owns what is restored under `drop`; with `keep` owners come from the backup. */
  readonly owner: string | undefined;
  readonly privileges: 'keep' | 'drop';
  /** What to do about roles that the backup refers to and the server lacks. */
  readonly missingRoles: 'create' | 'refuse';
  readonly jobs: number;
  /** in-place: how long a restore waits for the locks of other sessions. */
  readonly lockTimeoutMs: number;
  /** Where a cluster is recovered before a database of it comes here; undefined: the folder of the attempt. */
  readonly recoveryDirectory?: string | undefined;
}

/** The database that a restore in place replaces, as what is dumped before: by the role and with the tools of the target. */
export const toSafetyDataset = (
  dataset: PostgresDataset,
  { connection, toolDirectories }: PostgresTarget,
  database: string,
): PostgresDataset => ({ ...dataset, connection: withDatabase(connection, database), toolDirectories });

/**
 * From where a restore looks at its server, creates databases, and holds its lock: always the same database. An advisory lock is one of its
 * database, and two installations whose urls name different ones have to exclude each other.
 */
export const serverOf = ({ connection }: Pick<PostgresTarget, 'connection'>): PgConnection =>
  withDatabase(connection, 'postgres');
