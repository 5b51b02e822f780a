import type { Readable } from 'node:stream';
import { cutBatches, FRAME_BYTES } from '#common/bus/records/record-batch.js';
import type { Piece, TopicsFacts } from '#common/engines/kafka/topics-facts.js';
import { AppError } from '#common/errors/app-error.js';

export interface PlacedPiece extends Piece {
  readonly topic: string;
  readonly partition: number;
}

/** One object of a backup, or of one that it builds on, and what of it a restore takes, in order. */
export interface PiecedObject {
  readonly object: string;
  /** Undefined: of the backup itself. */
  readonly backup: string | undefined;
  readonly pieces: readonly PlacedPiece[];
}

/** In the order in which their records belong: what the chain begins with first. `needs`: ids of the backups that it builds on. */
export function piecesByObject({ topics }: TopicsFacts, needs: readonly string[]): readonly PiecedObject[] {
  const pieces = topics.flatMap(({ name: topic, partitions }) =>
    partitions.flatMap(({ partition, pieces: of }) => of.map((piece) => ({ ...piece, topic, partition }))),
  );
  const placeOf = ({ backup }: Piece): number => (backup === undefined ? needs.length : needs.indexOf(backup));
  const sorted = pieces.sort((a, b) => {
    if (a.backup !== b.backup) return placeOf(a) - placeOf(b);
    return a.object === b.object ? a.startByte - b.startByte : a.object < b.object ? -1 : 1;
  });
  const grouped = Map.groupBy(sorted, ({ backup = '', object }) => `${backup}/${object}`);
  return [...grouped.values()].map((of) => ({ object: of[0]?.object ?? '', backup: of[0]?.backup, pieces: of }));
}

/**
 * The batches of an object, each with the piece that it is of. An object of an earlier backup may hold more, of topics that are not there any more.
 * Throws: backup.corrupt; what the stream throws.
 */
export async function* readPieces(
  stream: Readable,
  { pieces, backup }: PiecedObject,
): AsyncGenerator<{ readonly piece: PlacedPiece; readonly batch: Buffer }> {
  let at = 0;
  let index = 0;
  for await (const batch of readWhole(stream)) {
    while (at >= endOf(pieces[index])) index += 1;
    const piece = pieces[index];
    if (backup !== undefined && at + batch.length <= (piece?.startByte ?? Number.POSITIVE_INFINITY)) {
      at += batch.length;
      continue;
    }
    if (piece === undefined || at < piece.startByte || at + batch.length > endOf(piece)) throw misplaced(at);
    at += batch.length;
    yield { piece, batch };
  }
  const end = endOf(pieces.at(-1));
  if (backup === undefined ? at !== end : at < end) throw misplaced(at);
}

const endOf = (piece: PlacedPiece | undefined): number =>
  piece === undefined ? Number.POSITIVE_INFINITY : piece.startByte + piece.sizeBytes;

async function* readWhole(stream: Readable): AsyncGenerator<Buffer> {
  let held: Buffer[] = [];
  let heldBytes = 0;
  let neededBytes = FRAME_BYTES;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    held.push(chunk);
    heldBytes += chunk.length;
    if (heldBytes < neededBytes) continue;
    const bytes = held.length === 1 ? chunk : Buffer.concat(held);
    const batches = cutBatches(bytes);
    yield* batches;
    const rest = bytes.subarray(batches.reduce((sum, { length }) => sum + length, 0));
    held = [rest];
    heldBytes = rest.length;
    neededBytes = rest.length < FRAME_BYTES ? FRAME_BYTES : FRAME_BYTES + rest.readInt32BE(8);
  }
  if (heldBytes > 0) throw misplaced(heldBytes);
}

const misplaced = (at: number): AppError =>
  new AppError('backup.corrupt', `an object does not hold what the facts say, at byte ${at}`);
