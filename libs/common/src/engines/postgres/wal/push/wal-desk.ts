import type { Readable } from 'node:stream';
import type { DeskPlace, LocalDesk, LocalFile, PushedBody, PushSignals } from '#common/engines/local-desk.js';
import type { PostgresDataset } from '#common/engines/postgres/postgres-dataset.js';
import { WalArchive } from '#common/engines/postgres/wal/wal-archive.js';
import { AppError } from '#common/errors/app-error.js';
import { Slots } from '#common/pipeline/slots.js';
import { type ArchivedCluster, findArchived } from './fetch-file.js';
import { assertIsWhatItSays, type NamedFile, parseFileName } from './pushed-file.js';
import { PushedFiles } from './pushed-files.js';
import { ReadAhead } from './read-ahead.js';
import { RegisteredClusters } from './registered-clusters.js';

/** Files in memory at once, each a segment at most. */
const PARALLEL = 4;

/** Takes what the `archive_command` of a server hands over, and gives its `restore_command` what is archived, streamed or handed over. */
export class WalDesk implements LocalDesk {
  private readonly clusters: RegisteredClusters;
  private readonly slots = new Slots(PARALLEL);

  private readonly pushed = new PushedFiles();
  private readonly ahead = new ReadAhead();
  /** By system identifier: the datasets that have archived something of the cluster. */
  private readonly archived = new Map<string, readonly ArchivedCluster[]>();

  constructor(private readonly places: readonly DeskPlace<PostgresDataset>[]) {
    this.clusters = new RegisteredClusters(places.filter(({ dataset }) => dataset.wal?.mode === 'push'));
  }

  /**
   * Stores a file under the name that streamed WAL has; the same bytes again are fine. Resolves only when the repository has it; one that is ahead
   * resolves at once where another push is storing it. Throws: wal.invalid, wal.conflict, wal.unregistered, wal.busy; postgres.*, repository.*.
   */
  async push(asked: LocalFile, body: PushedBody, { signal, stopping }: PushSignals): Promise<void> {
    const file = parseFileName(asked.name);
    if (file === undefined)
      throw new AppError('wal.invalid', `"${asked.name}" is no name of a file that PostgreSQL archives`);
    if (await this.pushed.has(asked, body, signal)) return;
    if (body.isAhead && !this.slots.isFree)
      throw new AppError('wal.busy', `${asked.name} is ahead of its turn, and other files are being stored`);
    // What was read whole is stored, though its client has gone: the server asks for it next.
    const until = body.isAhead ? stopping : signal;
    const storing = this.slots.run(() => this.store(asked.source, file, body, until));
    await this.pushed.add(asked, body, storing);
  }

  private async store(source: string, file: NamedFile, body: PushedBody, signal: AbortSignal): Promise<void> {
    const { name } = file;
    const { sizeBytes, stream } = body;
    const { dataset, repository, sealing, systemId, segmentBytes } = await this.clusters.of(source, signal);
    if (sizeBytes > segmentBytes)
      throw new AppError('wal.invalid', `${name} has ${sizeBytes} bytes, and a segment ${segmentBytes}`);
    signal.throwIfAborted();
    body.begin?.();
    const raw = await readWhole(name, sizeBytes, stream);
    assertIsWhatItSays(file, raw, { systemId, segmentBytes });
    const of = { repository, dataset: dataset.name, systemId, segmentBytes };
    const archive = await WalArchive.openName(of, file, signal);
    await archive.putFile(file, raw, { sealing, signal });
  }

  /**
   * Undefined only when a listing that began after the request does not have it: a recovery ends there.
   * Throws: wal.invalid; wal.unregistered where nothing at all is archived of the cluster; wal.conflict, backup.corrupt, sealing.*; repository.*.
   */
  async fetch({ source, name }: LocalFile, signal: AbortSignal): Promise<Buffer | undefined> {
    const file = parseFileName(name);
    if (file === undefined)
      throw new AppError('wal.invalid', `"${name}" is no name of a file that PostgreSQL archives`);
    for (const cluster of await this.findArchived(source, signal)) {
      const found = await this.ahead.fetch(cluster, file, signal);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  private async findArchived(systemId: string, signal: AbortSignal): Promise<readonly ArchivedCluster[]> {
    const known = this.archived.get(systemId);
    if (known !== undefined) return known;
    const looked = await Promise.all(this.places.map((place) => findArchived(place, systemId, signal)));
    const found = looked.filter((each) => each !== undefined);
    if (found.length === 0) {
      const names = this.places.map(({ dataset }) => `"${dataset.name}"`).join(', ');
      throw new AppError(
        'wal.unregistered',
        `no dataset here has archived WAL of cluster ${systemId}; looked at: ${names}`,
        {
          systemId,
        },
      );
    }
    this.archived.set(systemId, found);
    return found;
  }
}

/** Throws: wal.invalid for a body that ends early. */
async function readWhole(name: string, sizeBytes: number, stream: Readable): Promise<Buffer> {
  const raw = Buffer.allocUnsafe(sizeBytes);
  let filled = 0;
  for await (const chunk of stream) filled += (chunk as Buffer).copy(raw, filled);
  if (filled === sizeBytes) return raw;
  throw new AppError('wal.invalid', `${name} ended after ${filled} of ${sizeBytes} bytes`);
}
