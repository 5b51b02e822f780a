import { isAbsolute } from 'node:path';
import { z } from 'zod';
import type { ProtectedDataset, RestoreTarget } from '#common/engines/engine.js';
import { defineOptions } from '#common/engines/options.js';
import { parsePgUrl } from '#common/pg/connection.js';
import { PostgresUrl } from '#common/pg/url-schema.js';
import type { PostgresDataset, PostgresTarget } from './postgres-dataset.js';
import { TenantTablesOptions } from './tenants/tenant-options.js';

export const PostgresDatasetOptions = z.strictObject({
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
  dump: z
    .strictObject({
      jobs: z
        .int()
        .min(1)
        .max(32)
        .default(1)
        .describe('Tables that are copied at once, in one snapshot; above 1 the backup has a file for each table'),
    })
    .prefault({})
    .describe('How `dump` copies the database'),
  base: z
    .strictObject({
      maxRateKilobytes: z
        .int()
        .min(32)
        .max(1_048_576)
        .optional()
        .describe('Kilobytes per second that the server sends at most; default: as fast as it can'),
      checkpoint: z
        .enum(['fast', 'spread'])
        .default('fast')
        .describe('fast: the server writes everything out at once; spread: over the time of its own checkpoints'),
      compress: z
        .enum(['server', 'client'])
        .default('server')
        .describe('Who compresses; a server that was built without zstd leaves it to the executor'),
      incremental: z
        .strictObject({
          on: z
            .enum(['newest', 'full'])
            .default('newest')
            .describe('On what an incremental copy builds: on the newest one, or on the newest that is full'),
          maxChain: z
            .int()
            .min(1)
            .max(1_000)
            .default(30)
            .describe('How many increments may build on one full copy, each on the one before'),
          otherwise: z
            .enum(['refuse', 'full'])
            .default('refuse')
            .describe('full: where there is nothing to build on, a full copy is made and says why'),
        })
        .prefault({})
        .describe('How `incremental` copies what changed: PostgreSQL 17 and newer, with `summarize_wal = on`'),
    })
    .prefault({})
    .describe('How `base` and `incremental` copy the cluster'),
  wal: z
    .discriminatedUnion('mode', [
      z.strictObject({
        mode: z.literal('stream').describe('An executor receives it from a replication slot'),
        slot: z
          .string()
          .regex(/^[a-z0-9_]{1,63}$/)
          .optional()
          .describe('Default: holdfast_ and the name of the dataset'),
      }),
      z.strictObject({
        mode: z
          .literal('push')
          .describe('`archive_command` hands it to the executor on the machine of the server, at `executor.walSocket`'),
      }),
    ])
    .optional()
    .describe('Set: the WAL of the whole cluster is archived without an end, for recoveries to any point in time'),
});

const toWalOptions = (wal: z.output<typeof PostgresDatasetOptions>['wal']): PostgresDataset['wal'] =>
  wal?.mode === 'stream' ? { mode: 'stream', slot: wal.slot } : wal;

/** What holdfast.yaml says of a database to protect. */
export const postgresDataset = defineOptions(
  PostgresDatasetOptions.strip(),
  (common: ProtectedDataset, { url, fingerprint, ...options }): PostgresDataset => ({
    ...common,
    connection: parsePgUrl(url),
    fingerprintTables: fingerprint,
    migrationHeadQuery: options.migrationHeadQuery,
    tenantTables: options.tenantTables,
    toolDirectories: options.toolDirectories,
    exactCountLimit: options.exactCountLimit,
    lockTimeoutMs: options.lockTimeoutMs,
    dump: options.dump,
    base: { ...options.base, maxRateKilobytes: options.base.maxRateKilobytes },
    wal: toWalOptions(options.wal),
  }),
);

export const PostgresTargetOptions = z.strictObject({
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
  recoveryDirectory: z
    .string()
    .refine(isAbsolute, 'must be an absolute path')
    .optional()
    .describe(
      'Where the executor recovers a cluster before a database of it comes here; its owner is who PostgreSQL runs as, and not root. Default: `executor.workDirectory`, where the executor is not root',
    ),
});

/** What holdfast.yaml says of a server to restore to. */
export const postgresTarget = defineOptions(
  PostgresTargetOptions.strip(),
  ({ name }: RestoreTarget, { url, owner, toolDirectories, ...options }): PostgresTarget => ({
    ...{ name, connection: parsePgUrl(url), owner, toolDirectories },
    privileges: options.privileges,
    missingRoles: options.missingRoles,
    jobs: options.jobs,
    lockTimeoutMs: options.lockTimeoutMs,
    recoveryDirectory: options.recoveryDirectory,
  }),
);
