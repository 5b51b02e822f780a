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

export interface BaseParts {
  readonly session: PgSession;
  readonly replication: ReplicationSession;
  readonly source: SourceFacts;
  readonly busPosition: BusPosition | null;
  readonly options: BaseCommand;
  readonly sealing: Sealing;
  /** Stops everything; `signal` is the one that it runs under. */
  readonly stop: AbortController;
  readonly signal: AbortSignal;
}

interface Begun {
  readonly systemId: string;
  readonly copy: CopyCommand;
  readonly messages: AsyncGenerator<Buffer, void, void>;
  readonly compressedBy: 'server' | 'client';
}

/** A base backup under way. */
export class BaseOutput implements BackupSession<BaseFacts> {
  readonly tools = {};
  private readonly checksumFailures: string[] = [];
  private readonly seen: string[] = [];

  private constructor(
    private readonly parts: BaseParts,
    private readonly begun: Begun,
  ) {
    void parts.session.whenLost.then((error) => parts.stop.abort(error));
  }

  get busPosition(): BusPosition | null {
    return this.parts.busPosition;
  }

  /** Throws: postgres.*; the abort reason. */
  static async begin(parts: BaseParts): Promise<BaseOutput> {
    const { replication, options } = parts;
    try {
      const { systemId } = await replication.identify();
      // Keeps the WAL that the backup needs until it is whole; gone with the session.
      const slot = identifier(`holdfast_base_${randomBytes(4).toString('hex')}`);
      await replication.query(sql`CREATE_REPLICATION_SLOT ${slot} TEMPORARY PHYSICAL (RESERVE_WAL)`);
      return new BaseOutput(parts, { systemId, ...(await start(replication, options)) });
    } catch (error) {
      throw replication.toError(error, 'begin a base backup of');
    }
  }

  /** In the order in which the server sends them: tablespaces, the data directory, the manifest. */
  async *objects(): AsyncGenerator<OutputObject, void, void> {
    const { sealing, signal } = this.parts;
    for await (const { name, stream } of splitArchives(this.received())) {
      this.seen.push(name);
      const isCompressed = this.begun.compressedBy === 'server' && name !== MANIFEST;
      yield { name, stage: name, stream: sealing.stream(stream, { signal, isCompressed }) };
    }
  }

  async facts(): Promise<BaseFacts> {
    const { session, source } = this.parts;
    const { answers } = this.begun.copy;
    const [[start] = [], spaces = [], [end] = []] = answers;
    const { walLevel: _, tablespaceNames, ...known } = source;
    return {
      ...known,
      form: 'base',
      takenAt: await readInstant(session),
      systemId: this.begun.systemId,
      timeline: Number(text(start, 'tli')),
      startLsn: text(start, 'recptr'),
      endLsn: text(end, 'recptr'),
      walIncluded: true,
      compressedBy: this.begun.compressedBy,
      checksumFailures: this.checksumFailures,
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
