import { Readable } from 'node:stream';
import type { BusPosition } from '#common/contracts/bus-position.js';
import type { SnapshotFacts } from '#common/contracts/snapshot-facts.js';
import type { TenantFacts } from '#common/contracts/tenant-facts.js';
import type { BackupSession, OutputObject } from '#common/engines/engine.js';
import { countTables, type TableCount } from '#common/engines/postgres/facts/counts.js';
import { withContents } from '#common/engines/postgres/facts/large-object-ranges.js';
import { type CatalogFacts, toSnapshotFacts } from '#common/engines/postgres/facts/read.js';
import { readSequences, withEndValues } from '#common/engines/postgres/facts/sequences.js';
import { type PgSession, withPgSession } from '#common/engines/postgres/pg-session.js';
import type { PgToolset } from '#common/engines/postgres/pg-tools.js';
import type { PostgresDataset } from '#common/engines/postgres/postgres-dataset.js';
import { runCommand } from '#common/process/run-command.js';
import type { Chain } from '#common/process/spawn-chain.js';
import type { Sealing } from '#common/sealing/sealing.js';
import { directoryObjects } from './directory/directory-objects.js';
import { ARCHIVE, GLOBALS } from './dump-by-hand.js';
import { toGlobalsCommand } from './dump-commands.js';
import { toGlobalsOf } from './dump-globals.js';
import { type HeldSnapshot, inHeldSnapshot } from './dump-snapshot.js';
import { watchTenants } from './dump-tenants.js';

/** A dump that has its snapshot and all its locks, and waits for its reader. */
export interface StartedDump {
  readonly snapshot: HeldSnapshot;
  readonly catalog: CatalogFacts;
  readonly chain: Chain;
}

export interface DumpParts {
  readonly dataset: PostgresDataset;
  readonly holder: PgSession;
  readonly started: StartedDump;
  readonly toolset: PgToolset;
  readonly sealing: Pick<Sealing, 'bytes' | 'tail'>;
  /** How many tables are copied at once, into files of their own; 1: pg_dump writes one file. */
  readonly jobs: number;
  /** What the facts say besides what the snapshot holds. */
  readonly warnings: readonly string[];
  readonly applicationName: string;
  /** Stops children and sessions; `signal` is the one that they run under. */
  readonly stop: AbortController;
  readonly signal: AbortSignal;
}

/**
 * A dump under way: its snapshot and locks are held until `close`. What the holder counts is in the same snapshot, so losing
 * the holder stops the dump.
 */
export class PgDumpOutput implements BackupSession<SnapshotFacts> {
  readonly busPosition: BusPosition | null;
  readonly tools: Readonly<Record<string, string>>;
  private readonly counting: Promise<ReadonlyMap<string, TableCount>>;
  private readonly watching: Promise<TenantFacts | undefined>;

  constructor(private readonly parts: DumpParts) {
    const { started, holder, dataset, stop } = parts;
    this.busPosition = started.snapshot.busPosition;
    this.tools = parts.toolset.versions;
    // Beside the dump: an error ends the dump now, not after an hour.
    this.counting = countTables(holder, started.catalog.tables, dataset);
    this.counting.catch((error) => stop.abort(error));
    this.watching = watchTenants(started.snapshot, parts);
    this.watching.catch((error) => stop.abort(error));
    void holder.whenLost.then((error) => stop.abort(error));
  }

  get parallel(): number {
    return this.parts.jobs;
  }

  /** Throws: engine.exit, engine.spawn, postgres.unreachable, postgres.changing. */
  async *objects(): AsyncGenerator<OutputObject, void, void> {
    const { dataset, toolset, sealing, applicationName, started, signal, jobs } = this.parts;
    if (jobs > 1) yield* directoryObjects(this.parts, (read) => this.inSnapshot(read));
    else {
      yield { stage: 'dump', name: ARCHIVE, stream: started.chain.stdout };
      await started.chain.ended;
    }
    signal.throwIfAborted();
    const { stdout } = await runCommand(toGlobalsCommand(dataset.connection, toolset, applicationName), { signal });
    const globals = await sealing.bytes(Buffer.from(toGlobalsOf(started.catalog.roles, stdout)));
    yield { stage: 'globals', name: GLOBALS, stream: Readable.from([globals]) };
  }

  /**
   * What the snapshot holds; settles when all was counted. Asked for after the objects were read: that the holder still
   * stands then is the proof that its locks held until the end.
   */
  async facts(): Promise<SnapshotFacts> {
    const { holder, signal, started, dataset, jobs } = this.parts;
    try {
      const counted = toSnapshotFacts(started.catalog, await this.counting);
      const tenants = await this.watching;
      const facts = tenants === undefined ? counted : { ...counted, tenants };
      await holder.query('SELECT');
      // Only now: their locks would last until the end of the transaction, and the dump may have had to wait for them.
      const largeObjects = await withContents(holder, started.catalog.largeObjects, dataset.fingerprintTables);
      // The dump is whole and everything is counted: the holder has done its duty, and is free to see the present.
      await holder.query('ROLLBACK');
      const form = jobs > 1 ? { archive: 'directory' as const } : {};
      const warnings = [...facts.warnings, ...this.parts.warnings];
      return {
        ...facts,
        ...form,
        warnings,
        largeObjects,
        sequences: withEndValues(facts.sequences, await readSequences(holder)),
      };
    } catch (error) {
      throw signal.aborted ? signal.reason : error;
    }
  }

  /** Reads more of what the dump shows, on a session of its own; only before `facts`. Throws: postgres.*; what `read` throws. */
  inSnapshot<T>(read: (session: PgSession) => Promise<T>): Promise<T> {
    const { dataset, applicationName, signal, started } = this.parts;
    return withPgSession(dataset.connection, { applicationName, signal }, (session) =>
      inHeldSnapshot(session, started.snapshot, () => read(session)),
    );
  }

  /** Ends children, gives locks and snapshot back. Idempotent, never throws. */
  async close(): Promise<void> {
    const { stop, holder, started } = this.parts;
    stop.abort(new Error('the dump was closed'));
    await holder.close();
    await Promise.allSettled([this.counting, this.watching, started.chain.ended]);
  }
}
