import { Readable } from 'node:stream';

const BATCH_CHARS = 64 << 10;

/** Lines, without their ends. Throws: the stream's own error, at the latest after its last whole line. */
export async function* readLines(stream: Readable): AsyncGenerator<string> {
  let rest = '';
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk as Buffer, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
  rest += decoder.decode();
  if (rest !== '') yield rest;
}

/** Each line with its end, many to a chunk. */
export const toLineStream = (lines: AsyncIterable<string>): Readable => Readable.from(inBatches(lines));

async function* inBatches(lines: AsyncIterable<string>): AsyncGenerator<Buffer> {
  let batch: string[] = [];
  let chars = 0;
  for await (const line of lines) {
    batch.push(line);
    chars += line.length + 1;
    if (chars < BATCH_CHARS) continue;
    yield Buffer.from(`${batch.join('\n')}\n`);
    [batch, chars] = [[], 0];
  }
  if (batch.length > 0) yield Buffer.from(`${batch.join('\n')}\n`);
}
