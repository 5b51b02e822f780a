import { parseSegmentName, toSegmentStart } from '#common/domain/wal.js';
import type { DeskPlace } from '#common/engines/local-desk.js';
import { readHead } from '#common/engines/postgres/pitr/open-archive.js';
import { readWalFile } from '#common/engines/postgres/pitr/wal-fetch.js';
import type { PostgresDataset } from '#common/engines/postgres/postgres-dataset.js';
import { headKey, WalArchive } from '#common/engines/postgres/wal/wal-archive.js';
import { walPrefix } from '#common/repository/layout.js';
import { Keyring } from '#common/sealing/keyring.js';
import type { NamedFile } from './pushed-file.js';

/** What one dataset has archived of one cluster. */
export interface ArchivedCluster {
  readonly place: DeskPlace<PostgresDataset>;
  readonly systemId: string;
  readonly segmentBytes: number;
}

/** Only streaming needs the size, for pieces, and it always notes it; the names of whole segments fit the smallest size, whatever theirs is. */
const SMALLEST_SEGMENT = 1 << 20;

/** Undefined: the dataset has archived nothing of the cluster. Throws: repository.*. */
export async function findArchived(
  place: DeskPlace<PostgresDataset>,
  systemId: string,
  signal: AbortSignal,
): Promise<ArchivedCluster | undefined> {
  const { dataset, repository } = place;
  const head = await readHead(headKey(dataset.name, systemId), repository, signal);
  if (head !== undefined) return { place, systemId, segmentBytes: head.segmentBytes };
  for await (const _ of repository.list(walPrefix(dataset.name, systemId), { signal }))
    return { place, systemId, segmentBytes: SMALLEST_SEGMENT };
  return undefined;
}

/**
 * A file as the server archived it, proven by the digest in its name; what of a segment was streamed while it was filled is followed by
 * zeros. Undefined: it is not there now. Throws: wal.conflict, backup.corrupt, sealing.*; repository.*.
 */
export async function fetchFile(
  { place: { dataset, repository }, systemId, segmentBytes }: ArchivedCluster,
  file: NamedFile,
  signal: AbortSignal,
): Promise<Buffer | undefined> {
  const of = { repository, dataset: dataset.name, systemId, segmentBytes };
  const archive = await WalArchive.openName(of, file, signal);
  const { index } = archive;
  index.assertOneWriter();
  const keyring = await Keyring.of(repository);
  const whole = index.find(file.timeline, file.name);
  if (whole !== undefined) return archive.read(whole, keyring, signal);
  const number = parseSegmentName(file.name, segmentBytes)?.number;
  if (number === undefined) return undefined;
  await archive.lookForPieces(file, signal);
  const pieces = index.pieces(file.timeline, number);
  const start = toSegmentStart(number, segmentBytes);
  if (pieces[0]?.start !== start) return undefined;
  return readWalFile({ name: file.name, whole: undefined, pieces }, { archive, keyring, signal });
}
