import { z } from 'zod';
import { defineOptions, type ProtectedDataset, type RestoreTarget } from '#common/engines/engine.js';
import { parsePgUrl } from '#common/pg/connection.js';
import { PostgresUrl } from '#common/pg/url-schema.js';
import type { PostgresDataset, PostgresTarget } from './postgres-dataset.js';
import { TenantTablesOptions } from './tenants/tenant-options.js';

const DatasetOptions = z.strictObject({
  url: PostgresUrl,
  toolDirectories: z.array(z.string()).default([]).describe('Searched for pg_dump before the well-known places'),
  tenantTables: TenantTablesOptions.optional(),
  fingerprint: z.array(z.string()).default(['*.*']).describe('Tables whose content is digested, schema.table with *'),
  exactCountLimit: z.int().min(0).default(5_000_000).describe('Larger tables are counted by estimate'),
  lockTimeoutMs: z
    .int()
    .min(1_000)
    .default(30_000)
    .describe('How long a dump waits for a table that another session holds in ACCESS EXCLUSIVE mode'),
  migrationHeadQuery: z.string().optional().describe('Returns one text: the application’s migration head'),
});

/** What holdfast.yaml says of a database to protect. */
export const postgresDataset = defineOptions(
  DatasetOptions.strip(),
  (common: ProtectedDataset, { url, fingerprint, ...options }): PostgresDataset => ({
    ...common,
    connection: parsePgUrl(url),
    fingerprintTables: fingerprint,
    migrationHeadQuery: options.migrationHeadQuery,
    tenantTables: options.tenantTables,
    toolDirectories: options.toolDirectories,
    exactCountLimit: options.exactCountLimit,
    lockTimeoutMs: options.lockTimeoutMs,
  }),
);

const TargetOptions = z.strictObject({
  url: PostgresUrl.describe(
    'A role that may create databases and connect to `postgres`, from where restores work whatever database is named here',
  ),
  toolDirectories: z.array(z.string()).default([]),
  owner: z.string().optional().describe('Who owns what is restored when privileges are dropped'),
  privileges: z.enum(['keep', 'drop']).default('drop').describe('keep: owners and privileges come from the backup'),
  missingRoles: z.enum(['create', 'refuse']).default('refuse').describe('create: NOLOGIN, from the backup’s globals'),
  jobs: z.int().min(1).max(32).default(2),
  lockTimeoutMs: z
    .int()
    .min(1_000)
    .default(60_000)
    .describe(
      'How long a restore in place waits for the locks of other sessions; waiting for ever would look like progress',
    ),
});

/** What holdfast.yaml says of a server to restore to. */
export const postgresTarget = defineOptions(
  TargetOptions.strip(),
  ({ name }: RestoreTarget, { url, owner, toolDirectories, ...options }): PostgresTarget => ({
    ...{ name, connection: parsePgUrl(url), owner, toolDirectories },
    privileges: options.privileges,
    missingRoles: options.missingRoles,
    jobs: options.jobs,
    lockTimeoutMs: options.lockTimeoutMs,
  }),
);
