import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Manifest } from '#common/contracts/manifest.js';
import type { RepositoryOptions } from '#common/repository/open-repository.js';
import { S3Bed } from '#common/testing/s3-bed.js';
import { endpoints } from '#tools/services/endpoints.js';
import { createFilledDatabase, sizeOf } from './filled-database.js';
import type { Job } from './memory-worker.js';
import type { BenchOptions } from './options.js';
import { printTable, toMegabytes } from './report.js';

const SAMPLE_MS = 50;

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
    const backup = await watch({ kind: 'backup', repository, dataset });
    const spool = await watch({ kind: 'spool', repository, manifest: backup.manifest });
    const stored = toMegabytes(backup.manifest.objects.reduce((sum, object) => sum + object.sizeBytes, 0));
    return [
      ['backup', size, stored, ...backup.cells],
      ['restore: fetch and check', size, stored, ...spool.cells],
    ];
  } finally {
    await bed.dispose();
    await database.drop();
  }
}

async function watch(job: Job): Promise<{ readonly manifest: Manifest; readonly cells: string[] }> {
  const child = fork(new URL('./memory-worker.js', import.meta.url));
  const { pid = 0 } = child;
  await once(child, 'message');
  const idleBytes = readMemory(pid, 'VmRSS');
  const samples: number[] = [];
  const timer = setInterval(() => samples.push(readMemory(pid, 'VmRSS')), SAMPLE_MS);
  child.send(job);
  const [manifest, code] = await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([exit]) => [null, exit]),
  ]);
  clearInterval(timer);
  if (manifest === null) throw new Error(`the watched process ended with ${code}`);
  const peakBytes = readMemory(pid, 'VmHWM');
  await once(child, 'exit');
  const medianBytes = samples.sort((left, right) => left - right)[Math.floor(samples.length / 2)] ?? Number.NaN;
  return { manifest, cells: [idleBytes, medianBytes, peakBytes, peakBytes - idleBytes].map(toMegabytes) };
}

function readMemory(pid: number, field: 'VmRSS' | 'VmHWM'): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) * 1024;
}
