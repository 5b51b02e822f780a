import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { Manifest } from '#common/contracts/manifest.js';
import type { PostgresDataset } from '#common/engines/postgres/postgres-dataset.js';
import type { RepositoryOptions } from '#common/repository/open-repository.js';
import { S3Bed } from '#common/testing/s3-bed.js';
import { endpoints } from '#tools/services/endpoints.js';
import { ExecutorProcess } from './executor-process.js';
import { createFilledDatabase, sizeOf } from './filled-database.js';
import { sampleMemory } from './memory-samples.js';
import type { Job } from './memory-worker.js';
import type { BenchOptions } from './options.js';
import { printTable, toMegabytes } from './report.js';

/** Prints what one process needs for databases of several sizes: flat is when the size makes no difference. */
export async function benchMemory({ sizesBytes }: BenchOptions): Promise<void> {
  const rows: string[][] = [];
  for (const sizeBytes of sizesBytes) {
    console.log(`making a database of ${toMegabytes(sizeBytes)}`);
    rows.push(...(await measure(sizeBytes)));
  }
  console.log('\nresident memory (VmRSS, VmHWM) of the process that does the work, without its children:');
  printTable([['', 'database', 'stored', 'idle', 'median', 'peak', 'peak - idle'], ...rows]);
}

async function measure(sizeBytes: number): Promise<string[][]> {
  const database = await createFilledDatabase(sizeBytes);
  const bed = await S3Bed.make();
  const { endpoint, region, accessKeyId, secretAccessKey } = endpoints.s3;
  const repository: RepositoryOptions = {
    ...{ name: 'bench', url: `s3://${bed.bucket}/bench`, endpoint, region, accessKeyId, secretAccessKey },
  };
  try {
    const size = toMegabytes(await sizeOf(database));
    const dataset = database.dataset({ fingerprintTables: ['*.*'], compression: { level: 3, threads: 2 } });
    const backup = await watchWorker({ kind: 'backup', repository, dataset });
    const spool = await watchWorker({ kind: 'spool', repository, manifest: backup.result });
    const executor = await watchExecutor(dataset, repository);
    const stored = toMegabytes(backup.result.objects.reduce((sum, object) => sum + object.sizeBytes, 0));
    return [
      ['backup', size, stored, ...backup.cells],
      ['backup in a whole executor', size, stored, ...executor.cells],
      ['restore: fetch and check', size, stored, ...spool.cells],
    ];
  } finally {
    await bed.dispose();
    await database.drop();
  }
}

async function watchExecutor(dataset: PostgresDataset, repository: RepositoryOptions): Promise<{ cells: string[] }> {
  const executor = await ExecutorProcess.start(dataset, repository);
  try {
    return await sampleMemory(executor.pid, () => executor.backUp(dataset.name));
  } finally {
    await executor.stop();
  }
}

async function watchWorker(job: Job): Promise<{ readonly result: Manifest; readonly cells: string[] }> {
  const child = fork(new URL('./memory-worker.js', import.meta.url));
  await once(child, 'message');
  const exited = once(child, 'exit');
  const watched = await sampleMemory(child.pid ?? 0, async () => {
    child.send(job);
    const [manifest] = await Promise.race([once(child, 'message'), exited.then(() => [undefined])]);
    if (manifest === undefined) throw new Error(`the watched process ended with ${child.exitCode}`);
    return manifest as Manifest;
  });
  child.disconnect();
  await exited;
  return watched;
}
