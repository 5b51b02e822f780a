import { z } from 'zod';
import { BaseFacts } from '#common/contracts/base-facts.js';
import { SnapshotFacts } from '#common/contracts/snapshot-facts.js';
import type { Engine } from '#common/engines/engine.js';
import type { Summary } from '#common/engines/summary.js';
import { AppError } from '#common/errors/app-error.js';
import { hostsOf, parsePgUrl, toPgPlace, withDatabase } from '#common/pg/connection.js';
import { BaseMethod, summariseBase } from './base/base.method.js';
import { IncrementalMethod } from './base/incremental.method.js';
import { BesideDriver } from './beside/beside.driver.js';
import { datasetChecks, hostNamesOf, measureDatabase } from './checks/dataset-checks.js';
import { targetChecks } from './checks/target-checks.js';
import { DatabaseName } from './database-name.js';
import { postgresDirectory } from './directory/postgres-directory.js';
import { PgDumpMethod } from './dump/pg-dump.method.js';
import { withPgSession } from './pg-session.js';
import { PgTools } from './pg-tools.js';
import { sweepSocketFolders } from './pitr/scratch-server.js';
import { type PostgresDataset, type PostgresTarget, toSafetyDataset } from './postgres-dataset.js';
import { postgresDataset, postgresTarget } from './postgres-options.js';
import { postgresProbes } from './probes/postgres-probes.js';
import { PgRestoreDriver } from './restore/pg-restore.driver.js';
import { keptDatabases } from './restore/swap/kept-databases.js';
import { WalArchiver } from './wal/wal.archiver.js';

export type PostgresEngine = Engine<PostgresDataset, PostgresTarget, PostgresFacts>;

/** By what made the backup: a dump of one database, or a copy of the whole cluster. */
export const PostgresFacts = z.union([BaseFacts, SnapshotFacts]);
export type PostgresFacts = z.infer<typeof PostgresFacts>;

/** PostgreSQL databases. */
export const postgresEngine = (
  tools = new PgTools(),
  dump = new PgDumpMethod(tools),
  restore = new PgRestoreDriver(tools),
): PostgresEngine => ({
  kind: 'postgres',
  dataset: postgresDataset,
  target: postgresTarget,
  facts: PostgresFacts,
  methods: [dump, new BaseMethod(), new IncrementalMethod()],
  restores: [restore, new BesideDriver(restore, dump, 'base'), new BesideDriver(restore, dump, 'incremental')],
  otherTargets: [postgresDirectory],
  archivers: [new WalArchiver()],
  probes: postgresProbes,
  place: ({ connection }) => toPgPlace(connection),
  toDestination,
  toDrillDestination: (runId, attempt) => `drill_${runId.replaceAll('-', '')}_${attempt}`,
  assertThere: ({ connection }, database, signal) =>
    withPgSession(
      withDatabase(connection, database),
      { signal, applicationName: 'holdfast verification' },
      async () => undefined,
    ),
  forbidden,
  toSafetyDataset,
  kept: keptDatabases,
  checks: { dataset: datasetChecks, target: targetChecks, measure: measureDatabase, hostNames: hostNamesOf },
  sweepMachine: sweepSocketFolders,
  summarise: (facts) => ('form' in facts ? summariseBase(facts) : toSummary(facts)),
});

export const postgres = postgresEngine();

/** A restore that names no database goes to the one that the dataset's url names today, whatever it was called when the backup was taken. */
function toDestination(wanted: string | undefined, { connection }: PostgresDataset): string {
  const database = wanted ?? connection.database;
  const name = DatabaseName.safeParse(database);
  if (name.success) return name.data;
  const problems = name.error.issues.map(({ message }) => message).join('; ');
  throw new AppError('request.invalid', `"${database}" names no database: ${problems}`);
}

function forbidden({ connection }: PostgresTarget, catalogUrl: string | undefined): string[] {
  const own = ['postgres', 'template0', 'template1'];
  if (catalogUrl === undefined) return own;
  const catalog = parsePgUrl(catalogUrl);
  const isHere = hostsOf(catalog).some((one) =>
    hostsOf(connection).some(({ host, port }) => host === one.host && port === one.port),
  );
  return isHere ? [...own, catalog.database] : own;
}

function toSummary({ takenAt, sizeBytes, tables, warnings, ...facts }: SnapshotFacts): Summary {
  const at = facts.lsn === null ? '' : ` at ${facts.lsn}`;
  return {
    snapshotAt: takenAt,
    source: `database "${facts.database}" of PostgreSQL ${facts.serverVersion}${at}`,
    sourceSizeBytes: sizeBytes,
    counts: { tables: tables.length, rows: tables.reduce((sum, { rows }) => sum + rows, 0) },
    warnings,
  };
}
