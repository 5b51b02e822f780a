import { join } from 'node:path';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { parsePgUrl } from '#common/pg/connection.js';
import { toPgEnvironment } from '#common/pg/environment.js';
import { spawnChain } from '#common/process/spawn-chain.js';
import type { S3Bed } from '#common/testing/s3-bed.js';
import { urlOf } from '#tools/platform/server-login.js';
import { endpoints } from '#tools/services/endpoints.js';
import { inParallel } from './in-parallel.js';

/**
 * What a careful script does for many small databases: `pg_dump -Fc -Z0 | zstd -3` and one PUT each, so many at a time as Holdfast
 * may. No lock before the snapshot, no facts, no digest, no manifest, no catalog, no event. Returns the seconds it took.
 */
export async function runBareLoop(databases: readonly string[], width: number, bed: S3Bed): Promise<number> {
  const startedAt = performance.now();
  await inParallel(databases, width, (database) => dumpOne(database, bed));
  return (performance.now() - startedAt) / 1_000;
}

async function dumpOne(database: string, { client, bucket }: S3Bed): Promise<void> {
  const dump = {
    program: join(endpoints.postgres18.binDir, 'pg_dump'),
    args: ['--format=custom', '--compress=0'],
    env: toPgEnvironment(parsePgUrl(urlOf('postgres18', { database })), 'bench'),
  };
  const { signal } = new AbortController();
  const { stdout } = spawnChain([dump, { program: 'zstd', args: ['-q', '-3'] }], { signal });
  const Body = Buffer.concat(await stdout.toArray());
  await client.send(new PutObjectCommand({ Bucket: bucket, Key: `bare/${database}.dump.zst`, Body }));
}
