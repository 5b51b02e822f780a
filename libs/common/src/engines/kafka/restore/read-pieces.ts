import type { Readable } from 'node:stream';
import { cutBatches, FRAME_BYTES } from '#common/bus/records/record-batch.js';
import type { Piece, TopicsFacts } from '#common/engines/kafka/topics-facts.js';
import { AppError } from '#common/errors/app-error.js';

export interface PlacedPiece extends Piece {
  readonly topic: string;
  readonly partition: number;
}

/** What every object holds, in order; by its name. */
export function piecesByObject({ topics }: TopicsFacts): ReadonlyMap<string, readonly PlacedPiece[]> {
  const pieces = topics.flatMap(({ name: topic, partitions }) =>
    partitions.flatMap(({ partition, pieces: of }) => of.map((piece) => ({ ...piece, topic, partition }))),
  );
  const sorted = pieces.sort((a, b) =>
    a.object === b.object ? a.startByte - b.startByte : a.object < b.object ? -1 : 1,
  );
  return Map.groupBy(sorted, ({ object }) => object);
}

/** The batches of an object, each with the piece that it is of. Throws: backup.corrupt; what the stream throws. */
export async function* readPieces(
  stream: Readable,
  pieces: readonly PlacedPiece[],
): AsyncGenerator<{ readonly piece: PlacedPiece; readonly batch: Buffer }> {
  let at = 0;
  let index = 0;
  for await (const batch of readWhole(stream)) {
    while (at >= endOf(pieces[index])) index += 1;
    const piece = pieces[index];
    if (piece === undefined || at < piece.startByte || at + batch.length > endOf(piece)) throw misplaced(at);
    at += batch.length;
    yield { piece, batch };
  }
  if (at !== endOf(pieces.at(-1))) throw misplaced(at);
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
