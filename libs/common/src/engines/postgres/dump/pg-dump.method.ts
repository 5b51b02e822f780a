import type { SnapshotFacts } from '#common/contracts/snapshot-facts.js';
import type { BackupMethod, OpenOptions } from '#common/engines/engine.js';
import { readMigrationHead } from '#common/engines/postgres/facts/facts-migration.js';
import { PgSession, type PgSessionOptions, withPgSession } from '#common/engines/postgres/pg-session.js';
import type { PgTools } from '#common/engines/postgres/pg-tools.js';
import type { PostgresDataset } from '#common/engines/postgres/postgres-dataset.js';
import { toCommandsByHand } from './dump-by-hand.js';
import { DUMP_TOOLS } from './dump-commands.js';
import { lockTimeoutOf, startDump } from './dump-start.js';
import { PgDumpOutput } from './pg-dump-output.js';

/** Logical backups of one database in pg_dump's custom format, with its roles beside it. */
export class PgDumpMethod implements BackupMethod<PostgresDataset, SnapshotFacts> {
  readonly name = 'dump';
  readonly byHand = toCommandsByHand;

  /** `tries`: how often a session that alters tables may come in between before the backup fails. The default takes some ten seconds. */
  constructor(
    private readonly tools: PgTools,
    private readonly tries = 20,
  ) {}

  /**
   * Fixes the snapshot that the dump will show, starts the dump and begins to count.
   * Throws: postgres.*, engine.*, config.invalid. Source: PostgreSQL "pg_dump", "Snapshot Synchronization Functions".
   */
  async open(asked: PostgresDataset, o: OpenOptions): Promise<PgDumpOutput> {
    // A safety dump is of a database that is about to be replaced: what the application would answer there is no condition.
    const unasked = { migrationHeadQuery: undefined, fingerprintTables: [], tenantTables: undefined };
    const dataset = o.purpose === 'safety' ? { ...asked, ...unasked } : asked;
    const stop = new AbortController();
    const signal = AbortSignal.any([o.signal, stop.signal]);
    const applicationName = o.applicationName ?? `holdfast dump ${dataset.name}`;
    const session: PgSessionOptions = { signal, applicationName };
    o.onStage?.('connect');
    return withPgSession(dataset.connection, session, async (reader) => {
      const search = { directories: dataset.toolDirectories, signal };
      const toolset = await this.tools.find(reader.serverMajor, DUMP_TOOLS, search);
      await readMigrationHead(reader, dataset.migrationHeadQuery);
      o.onStage?.('snapshot');
      // One server for all: a snapshot of one host means nothing to another.
      const source = { ...dataset, connection: reader.connection };
      const lockTimeout = { lock_timeout: `${lockTimeoutOf(dataset)}ms` };
      const holder = await PgSession.open(source.connection, { ...session, settings: lockTimeout });
      try {
        const { readBusPosition, sealing } = o;
        const shared = { dataset: source, toolset, sealing, applicationName, signal };
        const started = await startDump({ holder, reader }, { ...shared, readBusPosition, tries: this.tries });
        return new PgDumpOutput({ ...shared, holder, started, stop });
      } catch (error) {
        stop.abort(error);
        await holder.close();
        throw error;
      }
    });
  }
}
