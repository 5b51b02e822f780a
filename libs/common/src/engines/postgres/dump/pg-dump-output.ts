import { Readable } from 'node:stream';
import type { BusPosition } from '#common/contracts/bus-position.js';
import type { ManifestObject } from '#common/contracts/manifest.js';
import type { SnapshotFacts } from '#common/contracts/snapshot-facts.js';
import { countTables, type TableCount } from '#common/engines/postgres/facts/facts-counts.js';
import { toSnapshotFacts } from '#common/engines/postgres/facts/facts-read.js';
import { readSequences, withEndValues } from '#common/engines/postgres/facts/facts-sequences.js';
import { pinFactSettings } from '#common/engines/postgres/facts/facts-session.js';
import { type PgSession, withPgSession } from '#common/engines/postgres/pg-session.js';
import type { PgToolset } from '#common/engines/postgres/pg-tools.js';
import type { PostgresDataset } from '#common/engines/postgres/postgres-dataset.js';
import { runCommand } from '#common/process/run-command.js';
import { type Chain, spawnChain } from '#common/process/spawn-chain.js';
import { toGlobalsCommand, toZstdCommand } from './dump-commands.js';
import { toGlobalsOf } from './dump-globals.js';
import type { StartedDump } from './dump-start.js';

/** One object of a backup on its way. */
export interface OutputObject {
  readonly name: string;
  readonly stage: 'dump' | 'globals';
  readonly compression: ManifestObject['compression'];
  /** Ends only after every producer exited 0, and otherwise errors: a short dump can never look complete. */
  readonly stream: Readable;
}

export interface DumpParts {
  readonly dataset: PostgresDataset;
  readonly holder: PgSession;
  readonly started: StartedDump;
  readonly toolset: PgToolset;
  /** Program → version as it prints itself. */
  readonly tools: Readonly<Record<string, string>>;
  readonly applicationName: string;
  /** Stops children and sessions; `signal` is the one that they run under. */
  readonly stop: AbortController;
  readonly signal: AbortSignal;
}

/**
 * A dump under way: its snapshot and locks are held until `close`. What the holder counts is in the same snapshot, so losing
 * the holder stops the dump.
 */
export class PgDumpOutput {
  readonly busPosition: BusPosition | null;
  readonly tools: Readonly<Record<string, string>>;
  private readonly counting: Promise<ReadonlyMap<string, TableCount>>;
  private readonly chains: Chain[] = [];

  constructor(private readonly parts: DumpParts) {
    const { started, holder, dataset, stop } = parts;
    this.busPosition = started.snapshot.busPosition;
    this.tools = parts.tools;
    this.chains.push(started.chain);
    // Beside the dump: an error ends the dump now, not after an hour.
    this.counting = countTables(holder, started.catalog.tables, dataset);
    this.counting.catch((error) => stop.abort(error));
    void holder.whenLost.then((error) => stop.abort(error));
  }

  /** One after another: the next begins when the one before is whole. Throws: engine.exit, engine.spawn, postgres.unreachable. */
  async *objects(): AsyncGenerator<OutputObject, void, void> {
    const { dataset, toolset, applicationName, started, signal } = this.parts;
    yield* this.produce('dump', 'database.dump.zst', started.chain);
    signal.throwIfAborted();
    const { stdout } = await runCommand(toGlobalsCommand(dataset.connection, toolset, applicationName), { signal });
    const input = Readable.from([Buffer.from(toGlobalsOf(started.catalog.roles, stdout))]);
    const chain = spawnChain([toZstdCommand(dataset.compression)], { signal, input });
    this.chains.push(chain);
    yield* this.produce('globals', 'globals.sql.zst', chain);
  }

  /**
   * What the snapshot holds; settles when all was counted. Asked for after the objects were read: that the holder still
   * stands then is the proof that its locks held until the end.
   */
  async facts(): Promise<SnapshotFacts> {
    const { holder, signal, started } = this.parts;
    try {
      const facts = toSnapshotFacts(started.catalog, await this.counting);
      await holder.query('SELECT');
      return { ...facts, sequences: withEndValues(facts.sequences, await this.readSequencesNow()) };
    } catch (error) {
      throw signal.aborted ? signal.reason : error;
    }
  }

  /** Ends children, gives locks and snapshot back. Idempotent, never throws. */
  async close(): Promise<void> {
    const { stop, holder } = this.parts;
    stop.abort(new Error('the dump was closed'));
    await holder.close();
    await Promise.allSettled([this.counting, ...this.chains.map(({ ended }) => ended)]);
  }

  private async *produce(stage: OutputObject['stage'], name: string, chain: Chain): AsyncGenerator<OutputObject> {
    yield { stage, name, compression: 'zstd', stream: chain.stdout };
    await chain.ended;
  }

  private readSequencesNow(): Promise<SnapshotFacts['sequences']> {
    const { dataset, signal, applicationName } = this.parts;
    return withPgSession(dataset.connection, { signal, applicationName }, async (session) => {
      await pinFactSettings(session);
      return readSequences(session);
    });
  }
}
