import type { Readable } from 'node:stream';
import type { DeskPlace, LocalDesk, LocalFile, PushedBody } from '#common/engines/local-desk.js';
import type { PostgresDataset } from '#common/engines/postgres/postgres-dataset.js';
import { WalArchive } from '#common/engines/postgres/wal/wal-archive.js';
import { AppError } from '#common/errors/app-error.js';
import { Slots } from '#common/pipeline/slots.js';
import { assertIsWhatItSays, parseFileName } from './pushed-file.js';
import { RegisteredClusters } from './registered-clusters.js';

/** Files in memory at once, each a segment at most. */
const PARALLEL = 4;

/** Takes what the `archive_command` of a server hands over. */
export class WalDesk implements LocalDesk {
  private readonly clusters: RegisteredClusters;
  private readonly slots = new Slots(PARALLEL);

  constructor(places: readonly DeskPlace<PostgresDataset>[]) {
    this.clusters = new RegisteredClusters(places);
  }

  /**
   * Stores a file under the name that streamed WAL has; the same bytes again are fine. Resolves only when the repository has it.
   * Throws: wal.invalid, wal.conflict, wal.unregistered; postgres.*, repository.*.
   */
  async push({ source, name }: LocalFile, { sizeBytes, stream }: PushedBody, signal: AbortSignal): Promise<void> {
    const file = parseFileName(name);
    if (file === undefined)
      throw new AppError('wal.invalid', `"${name}" is no name of a file that PostgreSQL archives`);
    const { dataset, repository, sealing, systemId, segmentBytes } = await this.clusters.of(source, signal);
    if (sizeBytes > segmentBytes)
      throw new AppError('wal.invalid', `${name} has ${sizeBytes} bytes, and a segment ${segmentBytes}`);
    await this.slots.run(async () => {
      signal.throwIfAborted();
      const raw = await readWhole(name, sizeBytes, stream);
      assertIsWhatItSays(file, raw, { systemId, segmentBytes });
      const of = { repository, dataset: dataset.name, systemId, segmentBytes };
      const archive = await WalArchive.openName(of, file, signal);
      await archive.putFile(file, raw, { sealing, signal });
    });
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
