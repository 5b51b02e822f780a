import { randomBytes } from 'node:crypto';
import { basename } from 'node:path';
import type { BaseFacts } from '#common/contracts/base-facts.js';
import type { BusPosition } from '#common/contracts/bus-position.js';
import type { RequiredRange } from '#common/contracts/manifest.js';
import type { BackupSession, OutputObject } from '#common/engines/engine.js';
import { sqlStateOf } from '#common/engines/postgres/pg-errors.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';
import type { CopyCommand } from '#common/engines/postgres/replication/copy-command.js';
import { type ReplicationSession, text } from '#common/engines/postgres/replication/replication-session.js';
import { toText } from '#common/errors/printable.js';
import { identifier, sql } from '#common/pg/sql.js';
import type { Sealing } from '#common/sealing/sealing.js';
import { MANIFEST, splitArchives } from './base-archives.js';
import { type BaseCommand, toBaseBackup } from './base-command.js';
import { readInstant, type SourceFacts } from './base-source.js';
import { FULL, type Lineage, uploadParent } from './lineage.js';

export interface BaseParts {
  readonly session: PgSession;
  readonly replication: ReplicationSession;
  readonly source: SourceFacts;
  readonly busPosition: BusPosition | null;
  readonly options: Omit<BaseCommand, 'isIncremental'>;
  /** Looks for what an incremental copy of the cluster builds on; undefined: the copy is to be full. */
  readonly findLineage: ((systemId: string) => Promise<Lineage>) | undefined;
  readonly sealing: Sealing;
  /** Stops everything; `signal` is the one that it runs under. */
  readonly stop: AbortController;
  readonly signal: AbortSignal;
}

interface Begun {
  readonly systemId: string;
  readonly lineage: Lineage;
  readonly copy: CopyCommand;
  readonly messages: AsyncGenerator<Buffer, void, void>;
  readonly compressedBy: 'server' | 'client';
}

/** A base backup under way. */
export class BaseOutput implements BackupSession<BaseFacts> {
  readonly tools = {};
  private readonly checksumFailures: string[] = [];
  private readonly seen: string[] = [];
  private unpackedBytes = 0;

  private constructor(
    private readonly parts: BaseParts,
    private readonly begun: Begun,
  ) {
    void parts.session.whenLost.then((error) => parts.stop.abort(error));
  }

  get busPosition(): BusPosition | null {
    return this.parts.busPosition;
  }

  /** All of the chain: each of them is held, and none may be deleted while this backup is there. */
  get needs(): readonly string[] {
    return this.begun.lineage.chain.map(({ backupId }) => backupId);
  }

  /** Throws: postgres.*; what `findLineage` throws; the abort reason. */
  static async begin(parts: BaseParts): Promise<BaseOutput> {
    const { replication } = parts;
    try {
      const { systemId } = await replication.identify();
      // Keeps the WAL that the backup needs until it is whole; gone with the session.
      const slot = identifier(`holdfast_base_${randomBytes(4).toString('hex')}`);
      await replication.query(sql`CREATE_REPLICATION_SLOT ${slot} TEMPORARY PHYSICAL (RESERVE_WAL)`);
      const lineage = (await parts.findLineage?.(systemId)) ?? FULL;
      return new BaseOutput(parts, { systemId, ...(await startAlong(lineage, parts)) });
    } catch (error) {
      throw replication.toError(error, 'begin a base backup of');
    }
  }

  /** In the order in which the server sends them: tablespaces, the data directory, the manifest. */
  async *objects(): AsyncGenerator<OutputObject, void, void> {
    const { sealing, signal } = this.parts;
    const onUnpacked = (bytes: number): void => {
      this.unpackedBytes = bytes;
    };
    for await (const { name, stream } of splitArchives(this.received(), onUnpacked)) {
      this.seen.push(name);
      const isCompressed = this.begun.compressedBy === 'server' && name !== MANIFEST;
      yield { name, stage: name, stream: sealing.stream(stream, { signal, isCompressed }) };
    }
  }

  async facts(): Promise<BaseFacts> {
    const { session, source } = this.parts;
    const { copy, lineage, systemId, compressedBy } = this.begun;
    const [[start] = [], spaces = [], [end] = []] = copy.answers;
    const { walLevel: _, summarizesWal: __, tablespaceNames, ...known } = source;
    return {
      ...known,
      ...{ form: 'base', takenAt: await readInstant(session), systemId },
      timeline: Number(text(start, 'tli')),
      startLsn: text(start, 'recptr'),
      endLsn: text(end, 'recptr'),
      walIncluded: true,
      ...{ compressedBy, checksumFailures: this.checksumFailures, unpackedBytes: this.unpackedBytes },
      ...{ chain: [...lineage.chain], fullBecause: lineage.fullBecause },
      tablespaces: spaces
        .filter(({ spcoid }) => spcoid !== null)
        .map((row) => ({
          oid: text(row, 'spcoid'),
          name: tablespaceNames[text(row, 'spcoid')] ?? basename(text(row, 'spclocation')),
          location: text(row, 'spclocation'),
          object: `${text(row, 'spcoid')}.tar`,
          sizeBytes: Number(row['size'] ?? 0) * 1_024,
        })),
    };
  }

  /** What the archive has from there on leads to later instants; the copy itself holds what makes it consistent. */
  async requires(): Promise<readonly RequiredRange[]> {
    const [[start] = [], , [end] = []] = this.begun.copy.answers;
    const [startLsn, endLsn] = [text(start, 'recptr'), text(end, 'recptr')];
    return [{ kind: 'wal', systemId: this.begun.systemId, timeline: Number(text(start, 'tli')), startLsn, endLsn }];
  }

  /** Ends the backup on the server. Idempotent, never throws. */
  async close(): Promise<void> {
    this.parts.stop.abort(new Error('the base backup was closed'));
    await Promise.all([this.parts.replication.close(), this.parts.session.close()]);
  }

  /** The server reports damaged pages when everything was sent: the backup is as whole as its source, and says so. */
  private async *received(): AsyncGenerator<Buffer, void, void> {
    const { replication } = this.parts;
    try {
      yield* this.begun.messages;
    } catch (error) {
      if (!isDamage(error) || !this.seen.includes(MANIFEST))
        throw replication.toError(error, 'go on with the base backup of');
      this.checksumFailures.push(...replication.notices.filter((notice) => /checksum/.test(notice)), toText(error));
    }
  }
}

/** `data_corrupted`, which a base backup ends with after its last byte. */
const isDamage = (error: unknown): boolean => sqlStateOf(error) === 'XX001';

/** What the server refuses to build on, it refuses before the first byte: then another lineage is asked for, which may be a full copy. */
async function startAlong(lineage: Lineage, parts: BaseParts): Promise<Omit<Begun, 'systemId'>> {
  const { replication, options } = parts;
  const { parent } = lineage;
  if (parent === undefined) return { lineage, ...(await start(replication, { ...options, isIncremental: false })) };
  try {
    await uploadParent(parent, replication);
    return { lineage, ...(await start(replication, { ...options, isIncremental: true })) };
  } catch (error) {
    return startAlong(parent.whenRefused(error), parts);
  }
}

/** A server that was built without zstd, or with one that knows no threads, says so before the first byte. */
async function start(
  replication: ReplicationSession,
  options: BaseCommand,
): Promise<Pick<Begun, 'copy' | 'messages' | 'compressedBy'>> {
  const { compress } = options;
  const copy = replication.copy(toBaseBackup(options));
  const messages = copy.messages();
  try {
    const first = await messages.next();
    return { copy, messages: withFirst(first, messages), compressedBy: compress };
  } catch (error) {
    if (compress === 'client' || !/compress|zstd/i.test(toText(error))) throw error;
    return start(replication, { ...options, compress: 'client' });
  }
}

async function* withFirst(
  first: IteratorResult<Buffer, void>,
  rest: AsyncGenerator<Buffer, void, void>,
): AsyncGenerator<Buffer, void, void> {
  if (!first.done) yield first.value;
  yield* rest;
}
