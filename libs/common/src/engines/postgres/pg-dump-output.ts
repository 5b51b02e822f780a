import type { Readable } from 'node:stream';
import type { BusPosition } from '../../contracts/bus-position.js';
import type { ManifestObject } from '../../contracts/manifest.js';
import type { SnapshotFacts } from '../../contracts/snapshot-facts.js';
import type { Command } from '../../process/command.js';
import { spawnChain } from '../../process/spawn-chain.js';
import { toDumpCommand, toGlobalsCommand, toZstdCommand } from './dump-commands.js';
import type { HeldSnapshot } from './dump-snapshot.js';
import { readRemainingFacts } from './facts-read.js';
import { readSequences, withEndValues } from './facts-sequences.js';
import type { PgSession } from './pg-session.js';
import type { PgToolset } from './pg-tools.js';
import type { PostgresDataset } from './postgres-dataset.js';

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
  readonly snapshot: HeldSnapshot;
  readonly toolset: PgToolset;
  readonly tools: Readonly<Record<string, string>>;
  readonly applicationName: string;
  /** Stops children and sessions; its signal is the one that they run under. */
  readonly stop: AbortController;
  readonly signal: AbortSignal;
}

/**
 * A dump under way: its snapshot and locks are held until `close`. Losing them stops the dump, for a table that is locked
 * no more could be truncated before it is read.
 */
export class PgDumpOutput {
  readonly busPosition: BusPosition | null;
  /** Program → version as it prints itself. */
  readonly tools: Readonly<Record<string, string>>;
  private readonly counting: Promise<SnapshotFacts>;
  private readonly chains: Promise<unknown>[] = [];

  constructor(private readonly parts: DumpParts) {
    this.busPosition = parts.snapshot.busPosition;
    this.tools = parts.tools;
    // Beside the dump, in its snapshot: an error ends the dump now, not after an hour.
    this.counting = readRemainingFacts(parts.holder, parts.snapshot.first, parts.dataset);
    this.counting.catch((error) => parts.stop.abort(error));
    void parts.holder.whenLost.then((error) => parts.stop.abort(error));
  }

  /** One after another: the next begins when the one before is whole. Throws: engine.exit, engine.spawn, postgres.unreachable. */
  async *objects(): AsyncGenerator<OutputObject, void, void> {
    const { dataset, toolset, snapshot, applicationName } = this.parts;
    const dump = toDumpCommand(dataset, toolset, { snapshot: snapshot.id, applicationName });
    yield* this.produce('dump', 'database.dump.zst', dump);
    yield* this.produce('globals', 'globals.sql.zst', toGlobalsCommand(dataset.connection, toolset, applicationName));
  }

  /**
   * What the snapshot holds; settles when all was counted. Asked for after the objects were read: that the session still
   * stands then is the proof that its locks held until the end.
   */
  async facts(): Promise<SnapshotFacts> {
    const { holder, signal } = this.parts;
    try {
      const facts = await this.counting;
      return { ...facts, sequences: withEndValues(facts.sequences, await readSequences(holder)) };
    } catch (error) {
      throw signal.aborted ? signal.reason : error;
    }
  }

  /** Ends children, gives locks and snapshot back. Idempotent, never throws. */
  async close(): Promise<void> {
    const { stop, holder } = this.parts;
    stop.abort(new Error('the dump was closed'));
    await holder.close();
    await Promise.allSettled([this.counting, ...this.chains]);
  }

  private async *produce(stage: OutputObject['stage'], name: string, command: Command): AsyncGenerator<OutputObject> {
    const { dataset, signal } = this.parts;
    signal.throwIfAborted();
    const chain = spawnChain([command, toZstdCommand(dataset.compression)], { signal });
    this.chains.push(chain.ended);
    yield { stage, name, compression: 'zstd', stream: chain.stdout };
    await chain.ended;
  }
}
