import { runCommand } from '../../process/run-command.js';
import { DUMP_TOOLS, toZstdCommand } from './dump-commands.js';
import { holdSnapshot, type ReadBusPosition } from './dump-snapshot.js';
import { readMigrationHead } from './facts-migration.js';
import { PgDumpOutput } from './pg-dump-output.js';
import { PgSession, type PgSessionOptions, withPgSession } from './pg-session.js';
import type { PgTools } from './pg-tools.js';
import type { PostgresDataset } from './postgres-dataset.js';

export interface OpenDumpOptions {
  readonly signal: AbortSignal;
  /** Called between the locks and the snapshot. */
  readonly readBusPosition?: ReadBusPosition | undefined;
  readonly onStage?: (stage: 'connect' | 'snapshot') => void;
  /** What the server's administrator sees in pg_stat_activity: run and attempt. */
  readonly applicationName?: string | undefined;
}

/** Logical backups of one database in pg_dump's custom format, compressed by zstd, with its roles beside it. */
export class PgDumpEngine {
  constructor(private readonly tools: PgTools) {}

  /**
   * Checks everything that can be checked, then fixes the snapshot that the dump will show and begins to count it.
   * The caller reads `objects()` to the end, then `facts()`, and closes in any case.
   * Throws: postgres.*, engine.spawn; nothing stays open then.
   * Source: PostgreSQL "pg_dump", "Snapshot Synchronization Functions".
   */
  async open(dataset: PostgresDataset, o: OpenDumpOptions): Promise<PgDumpOutput> {
    const stop = new AbortController();
    const signal = AbortSignal.any([o.signal, stop.signal]);
    const applicationName = o.applicationName ?? `holdfast dump ${dataset.name}`;
    const session: PgSessionOptions = { signal, applicationName };
    o.onStage?.('connect');
    return withPgSession(dataset.connection, session, async (lister) => {
      const toolset = await this.tools.find(lister.serverMajor, DUMP_TOOLS, {
        directories: dataset.toolDirectories,
        signal,
      });
      const tools = { ...toolset.versions, zstd: await askZstd(dataset, signal) };
      await readMigrationHead(lister, dataset.migrationHeadQuery);
      o.onStage?.('snapshot');
      const holder = await PgSession.open(dataset.connection, session);
      try {
        const snapshot = await holdSnapshot(holder, lister, { signal, readBusPosition: o.readBusPosition });
        return new PgDumpOutput({ dataset, holder, snapshot, toolset, tools, applicationName, stop, signal });
      } catch (error) {
        await holder.close();
        throw error;
      }
    });
  }
}

/** Also tries the configured level and threads, before any work. Throws: engine.spawn, engine.exit. */
async function askZstd(dataset: PostgresDataset, signal: AbortSignal): Promise<string> {
  const zstd = toZstdCommand(dataset.compression);
  await runCommand(zstd, { signal, input: '' });
  const { stdout } = await runCommand({ program: zstd.program, args: ['--version'] }, { signal });
  return stdout.replaceAll('*', '').trim();
}
