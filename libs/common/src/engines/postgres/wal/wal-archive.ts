import { createHash } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { toHexPosition, toSegmentName, toTimelineName, type WalBytes } from '#common/domain/wal.js';
import { AppError } from '#common/errors/app-error.js';
import { spawnChain } from '#common/process/spawn-chain.js';
import type { BackupRepository, StoredObject } from '#common/repository/backup-repository.js';
import { walPrefix } from '#common/repository/layout.js';
import type { Keyring } from '#common/sealing/keyring.js';
import { type Sealing, toUnsealing } from '#common/sealing/sealing.js';
import { ArchiveIndex, type StoredWal } from './archive-index.js';

export interface WalArchiveOptions {
  readonly repository: BackupRepository;
  readonly dataset: string;
  readonly systemId: string;
  readonly segmentBytes: number;
}

export interface Piece {
  readonly timeline: number;
  readonly number: bigint;
  readonly start: WalBytes;
  readonly data: Buffer;
}

/** How far the archive is known to be complete: everything that the server had flushed at `at`, by its own clock. */
export interface ArchiveHead {
  readonly timeline: number;
  readonly lsn: string;
  readonly at: string;
  readonly segmentBytes: number;
}

/**
 * The archived WAL of one cluster: one object for each segment, named for the digest of what is in it, for a sealed object tells nothing of it.
 * Names are written once: the same bytes again are fine, and others are refused.
 */
export class WalArchive {
  private constructor(
    private readonly o: WalArchiveOptions,
    readonly index: ArchiveIndex,
  ) {}

  /** Reads what is there. Throws: repository.*. */
  static async open(o: WalArchiveOptions, signal: AbortSignal): Promise<WalArchive> {
    const index = new ArchiveIndex(o.segmentBytes);
    for await (const object of o.repository.list(walPrefix(o.dataset, o.systemId), { signal })) index.add(object);
    return new WalArchive(o, index);
  }

  /** Reads what is there under one name of PostgreSQL's, whatever else there is. Throws: repository.*. */
  static async openName(o: WalArchiveOptions, place: WalPlace, signal: AbortSignal): Promise<WalArchive> {
    const archive = new WalArchive(o, new ArchiveIndex(o.segmentBytes));
    await archive.look(place, signal);
    return archive;
  }

  /**
   * A whole file under PostgreSQL's name for it, stored when this resolves. Of two writers who store different bytes under it at the
   * same time, at least one hears of it. Throws: wal.conflict; repository.*.
   */
  async putFile(place: WalPlace, raw: Buffer, o: PutWal): Promise<void> {
    this.index.assertOneWriter();
    await this.put(place.timeline, place.name, raw, o);
    await this.look(place, o.signal);
    this.index.assertOneWriter();
  }

  /** Whole segments. Throws: wal.conflict; repository.*. */
  async putSegment(timeline: number, number: bigint, raw: Buffer, o: PutWal): Promise<void> {
    await this.put(timeline, toSegmentName(timeline, number, this.o.segmentBytes), raw, o);
  }

  /** Throws: wal.conflict; repository.*. */
  async putHistory(timeline: number, text: string, o: PutWal): Promise<void> {
    await this.put(timeline, `${toTimelineName(timeline)}.history`, Buffer.from(text), o);
  }

  /** A part of a segment that is still being filled. */
  async putPiece({ timeline, number, start, data }: Piece, { sealing, signal }: PutWal): Promise<void> {
    const end = start + BigInt(data.length);
    const segment = toSegmentName(timeline, number, this.o.segmentBytes);
    const name = `${segment}.${toHexPosition(start)}-${toHexPosition(end)}.partial`;
    const key = `${this.folder(timeline)}/${name}${sealing.suffix}`;
    const { repository } = this.o;
    const written = await repository
      .put(key, await sealing.bytes(data), { signal, ifAbsent: true })
      .catch((error: unknown) => adoptIfThere(error, repository, key, signal));
    this.index.add(written);
  }

  /** What the whole segment has made needless. What cannot be removed harms nothing. */
  async removePieces(timeline: number, number: bigint, signal: AbortSignal): Promise<void> {
    for (const { key } of this.index.takePieces(timeline, number))
      await this.o.repository.remove(key, { signal }).catch(() => undefined);
  }

  async putHead(head: ArchiveHead, signal: AbortSignal): Promise<void> {
    const { repository, dataset, systemId } = this.o;
    await repository.put(headKey(dataset, systemId), Buffer.from(`${JSON.stringify(head)}\n`), { signal });
  }

  /** The bytes of a segment, or of a piece, a history; proven to be those that were archived where the name tells their digest. Throws: backup.corrupt; repository.*. */
  async read(stored: StoredWal, keyring: Keyring, signal: AbortSignal): Promise<Buffer> {
    const input = await this.o.repository.get(stored.key, { signal });
    const chain = spawnChain(toUnsealing(stored.form, keyring), { signal, input });
    const raw = await buffer(chain.stdout).catch((cause: unknown) => {
      signal.throwIfAborted();
      if (cause instanceof AppError && cause.code.startsWith('repository.')) throw cause;
      throw new AppError('backup.corrupt', `${stored.key} cannot be opened`, { key: stored.key }, { cause });
    });
    if (stored.sha256 === undefined || stored.sha256 === digestOf(raw)) return raw;
    throw new AppError('backup.corrupt', `${stored.key} does not hold what its name says`, { key: stored.key });
  }

  private async put(timeline: number, name: string, raw: Buffer, { sealing, signal }: PutWal): Promise<void> {
    const sha256 = digestOf(raw);
    const known = this.index.find(timeline, name);
    if (known?.sha256 === sha256) return;
    if (known !== undefined)
      throw new AppError('wal.conflict', `${known.key} is archived already, and has other bytes than ${name} has now`, {
        key: known.key,
        sha256,
      });
    const key = `${this.folder(timeline)}/${name}-${sha256}${sealing.suffix}`;
    const { repository } = this.o;
    const written = await repository
      .put(key, await sealing.block(raw, signal), { signal, ifAbsent: true })
      .catch((error: unknown) => adoptIfThere(error, repository, key, signal));
    this.index.add(written);
  }

  /** What has come under a name since. Throws: repository.*. */
  async look({ timeline, name }: WalPlace, signal: AbortSignal): Promise<void> {
    const objects = this.o.repository.list(this.folder(timeline), { signal, namePrefix: `${name}-` });
    for await (const object of objects) this.index.add(object);
  }

  /** What was stored of a segment while it was being filled. Throws: repository.*. */
  async lookForPieces({ timeline, name }: WalPlace, signal: AbortSignal): Promise<void> {
    const objects = this.o.repository.list(this.folder(timeline), { signal, namePrefix: `${name}.` });
    for await (const object of objects) this.index.add(object);
  }

  private folder(timeline: number): string {
    return `${walPrefix(this.o.dataset, this.o.systemId)}/${toTimelineName(timeline)}`;
  }
}

/** A file as PostgreSQL calls it. */
export interface WalPlace {
  readonly timeline: number;
  readonly name: string;
}

export interface PutWal {
  readonly sealing: Sealing;
  readonly signal: AbortSignal;
}

export const headKey = (dataset: string, systemId: string): string => `${walPrefix(dataset, systemId)}/head.json`;

const digestOf = (raw: Uint8Array): string => createHash('sha256').update(raw).digest('hex');

/** Its name says what is in it: an earlier try whose answer was lost has stored the same. */
async function adoptIfThere(
  error: unknown,
  repository: BackupRepository,
  key: string,
  signal: AbortSignal,
): Promise<Pick<StoredObject, 'key' | 'sizeBytes'>> {
  if (!(error instanceof AppError) || error.code !== 'repository.exists') throw error;
  const stored = await repository.stat(key, { signal });
  if (stored === undefined) throw error;
  return stored;
}
