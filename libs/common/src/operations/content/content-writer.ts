import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Reference, SharedRef } from '#common/contracts/shared-ref.js';
import { Slots } from '#common/pipeline/slots.js';
import { spawnChain } from '#common/process/spawn-chain.js';
import type { BackupRepository, WrittenObject } from '#common/repository/backup-repository.js';
import { contentKey } from '#common/repository/layout.js';
import type { Sealing } from '#common/sealing/sealing.js';
import type { ToDigest } from './content-names.js';
import type { KnownContent } from './known-content.js';

/** Up to this size a content is held in memory and sealed in this process. */
export const SMALL_BYTES = 1 << 20;
/** Contents on their way at once; sixteen small ones take some fifty megabytes at most. */
const IN_FLIGHT = 16;
/** Of them large ones: each takes two programs and its own size on disk. */
const LARGE_IN_FLIGHT = 2;

export type OpenContent = () => Promise<Readable | Uint8Array>;

export interface ContentWriterDeps {
  readonly dataset: string;
  readonly repository: BackupRepository;
  readonly sealing: Sealing;
  readonly toDigest: ToDigest;
  /** Sixteen hex digits, of this attempt alone: a name is never given twice, so a deletion that comes late meets nothing new. */
  readonly mark: string;
  readonly known: KnownContent;
  /** For the sealed bytes of large contents on their way. */
  readonly folder: string;
  readonly signal: AbortSignal;
  /** The storage locks contents until then, where the repository has a `lock`. */
  readonly retainUntil?: Date | undefined;
  readonly onStored?: ((bytes: number) => void) | undefined;
}

/** Stores contents that the dataset does not have yet, each once, several at a time. */
export class ContentWriter {
  private readonly slots = new Slots(IN_FLIGHT);
  private readonly largeSlots = new Slots(LARGE_IN_FLIGHT);
  private readonly underway = new Map<string, Promise<Reference>>();
  private spooled = 0;

  constructor(private readonly d: ContentWriterDeps) {}

  /**
   * Opens the content when there is room, and stores it unless it is known. Resolves when the storage has all of it.
   * Throws: what `open` and its stream throw; engine.*, repository.*; the abort reason.
   */
  put(open: OpenContent): Promise<SharedRef> {
    return this.slots.run(async () => {
      this.d.signal.throwIfAborted();
      const content = await open();
      if (content instanceof Uint8Array) return this.putSmall(content);
      const chunks = content[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
      try {
        const head = await readHead(chunks);
        return head.isWhole
          ? await this.putSmall(head.bytes)
          : await this.largeSlots.run(() => this.putLarge(head.bytes, chunks));
      } finally {
        content.destroy();
      }
    });
  }

  private putSmall(content: Uint8Array): Promise<SharedRef> {
    const contentSha256 = createHash('sha256').update(content).digest('hex');
    return this.once({ contentSha256, contentBytes: content.length }, async (key) => {
      const sealed = await this.d.sealing.bytes(content);
      const { repository, signal, retainUntil } = this.d;
      return repository.put(key, sealed, { signal, retainUntil });
    });
  }

  /** Its name is known only at its end, so it waits on disk, sealed: what the source shows in clear is never found there later. */
  private async putLarge(head: Uint8Array, rest: AsyncIterator<Buffer>): Promise<SharedRef> {
    const { sealing, signal, folder, repository, retainUntil } = this.d;
    this.spooled += 1;
    const file = join(folder, `content-${this.spooled}`);
    const measured = measuring(head, rest);
    try {
      const chain = spawnChain(sealing.tail(), { signal, input: Readable.from(measured.chunks) });
      await pipeline(chain.stdout, createWriteStream(file, { mode: 0o600 }), { signal });
      return await this.once(measured.result(), (key) =>
        repository.put(key, createReadStream(file), { signal, retainUntil }),
      );
    } finally {
      await rm(file, { force: true });
    }
  }

  private async once(
    content: Pick<SharedRef, 'contentSha256' | 'contentBytes'>,
    store: (key: string) => Promise<WrittenObject>,
  ): Promise<SharedRef> {
    const { known, toDigest, mark, sealing, dataset, onStored } = this.d;
    const digest = toDigest(content.contentSha256);
    const stored = known.find(digest) ?? this.underway.get(digest);
    if (stored !== undefined) return { ...(await stored), ...content };
    const name = `${digest}-${mark}${sealing.suffix}`;
    const storing = store(contentKey(dataset, name)).then(({ sizeBytes, sha256 }) => ({ name, sizeBytes, sha256 }));
    this.underway.set(digest, storing);
    try {
      const reference = await storing;
      known.add(reference);
      onStored?.(reference.sizeBytes);
      return { ...reference, ...content };
    } finally {
      this.underway.delete(digest);
    }
  }
}

async function readHead(chunks: AsyncIterator<Buffer>): Promise<{ bytes: Uint8Array; isWhole: boolean }> {
  const read: Buffer[] = [];
  for (let bytes = 0; bytes <= SMALL_BYTES; ) {
    const { done, value } = await chunks.next();
    if (done) return { bytes: Buffer.concat(read), isWhole: true };
    read.push(value);
    bytes += value.length;
  }
  return { bytes: Buffer.concat(read), isWhole: false };
}

/** Passes a content on and knows what it was afterwards. */
function measuring(head: Uint8Array, rest: AsyncIterator<Buffer>) {
  const hash = createHash('sha256');
  let contentBytes = 0;
  const measure = (chunk: Uint8Array): Uint8Array => {
    hash.update(chunk);
    contentBytes += chunk.length;
    return chunk;
  };
  async function* chunks(): AsyncGenerator<Uint8Array> {
    yield measure(head);
    for (let next = await rest.next(); !next.done; next = await rest.next()) yield measure(next.value);
  }
  return { chunks: chunks(), result: () => ({ contentSha256: hash.digest('hex'), contentBytes }) };
}
