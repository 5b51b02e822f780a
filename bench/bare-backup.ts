import { join } from 'node:path';
import type { Readable } from 'node:stream';
import {
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { toPgEnvironment } from '#common/pg/environment.js';
import { spawnChain } from '#common/process/spawn-chain.js';
import type { S3Bed } from '#common/testing/s3-bed.js';
import type { ScratchDatabase } from '#common/testing/scratch-database.js';

const PART_BYTES = 8 * 1024 * 1024;
const PARTS_IN_FLIGHT = 3;

/**
 * What a careful shell script does: `pg_dump -Fc -Z0 | zstd -3 -T2` into a multipart upload, parts as large and as many at once as
 * ours. No digest of the whole, no snapshot facts, no manifest. It runs in this process, so that no figure holds the start of a program.
 */
export async function takeBareBackup(
  database: ScratchDatabase,
  { client, bucket }: S3Bed,
  key: string,
): Promise<number> {
  const dump = {
    program: join(database.binDir, 'pg_dump'),
    args: ['--format=custom', '--compress=0'],
    env: toPgEnvironment(database.connection, 'bench'),
  };
  const { signal } = new AbortController();
  const chain = spawnChain([dump, { program: 'zstd', args: ['-q', '-3', '-T2'] }], { signal });

  const at = { Bucket: bucket, Key: key };
  const { UploadId } = await client.send(new CreateMultipartUploadCommand(at));
  const parts: CompletedPart[] = [];
  const inFlight = new Set<Promise<void>>();
  let sizeBytes = 0;
  for await (const body of toParts(chain.stdout)) {
    sizeBytes += body.length;
    const PartNumber = parts.push({}) as number;
    const send = async (): Promise<void> => {
      const { ETag } = await client.send(new UploadPartCommand({ ...at, UploadId, PartNumber, Body: body }));
      parts[PartNumber - 1] = { PartNumber, ...(ETag === undefined ? {} : { ETag }) };
    };
    const sending = send().finally(() => inFlight.delete(sending));
    inFlight.add(sending);
    if (inFlight.size >= PARTS_IN_FLIGHT) await Promise.race(inFlight);
  }
  await Promise.all(inFlight);
  await client.send(new CompleteMultipartUploadCommand({ ...at, UploadId, MultipartUpload: { Parts: parts } }));
  return sizeBytes;
}

async function* toParts(body: Readable): AsyncGenerator<Buffer> {
  let chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    length += chunk.length;
    if (length < PART_BYTES) continue;
    const bytes = Buffer.concat(chunks);
    yield bytes.subarray(0, PART_BYTES);
    chunks = [bytes.subarray(PART_BYTES)];
    length = bytes.length - PART_BYTES;
  }
  if (length > 0) yield Buffer.concat(chunks);
}
