import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ScaleJob } from '#common/testing/content-at-scale.js';
import { sampleMemory } from './memory-samples.js';
import type { BenchOptions } from './options.js';
import { printTable, toFixed, toMegabytes } from './report.js';

const SAID: Readonly<Record<ScaleJob['kind'], string>> = {
  first: 'backup, all new',
  next: 'backup, 1 in 100 new',
  check: 'every reference is there',
  expire: 'the first expires',
};

/** V8 lets garbage lie while there is room: with little room, resident memory tells what the work needs. */
const LITTLE_ROOM = ['--max-old-space-size=64', '--max-semi-space-size=2'];

/**
 * Prints what one process needs for backups of that many shared objects: flat is when their number makes no difference. Twice: for its resident
 * memory with a heap that has little room, and with a collection every moment, for what of it is alive.
 */
export async function benchShared({ entries }: BenchOptions): Promise<void> {
  const rows: string[][] = [];
  for (const count of entries) {
    console.log(`${toFixed(count, 0)} shared objects`);
    const resident = await measure(count, watchResident);
    const live = await measure(count, watchLive);
    rows.push(...resident.map((cells, i) => [...cells, ...(live[i] ?? [])]));
  }
  console.log(
    `\nresident memory (VmRSS, VmHWM) of the process that does the work, with ${LITTLE_ROOM.join(' ')}, and its live`,
  );
  console.log(
    'heap and buffers after a collection; a file:// repository whose shared objects are a list without their bytes:',
  );
  printTable([['', 'objects', 'found', 'seconds', 'idle', 'median', 'peak', 'peak - idle', 'live'], ...rows]);
}

type Watch = (job: ScaleJob) => Promise<string[]>;

async function measure(entries: number, watch: Watch): Promise<string[][]> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-bench-shared-'));
  try {
    for (const name of ['repository', 'work']) await mkdir(join(folder, name));
    const rows: string[][] = [];
    for (const kind of ['first', 'next', 'check', 'expire'] as const) rows.push(await watch({ kind, entries, folder }));
    return rows;
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function watchResident(job: ScaleJob): Promise<string[]> {
  const startedAt = performance.now();
  const { count, cells } = await inWorker(job, LITTLE_ROOM, async (pid, work) => {
    const { result, cells } = await sampleMemory(pid, work);
    return { ...result, cells };
  });
  const seconds = (performance.now() - startedAt) / 1_000;
  return [SAID[job.kind], toFixed(job.entries, 0), toFixed(count, 0), toFixed(seconds, 1), ...cells];
}

const watchLive = async (job: ScaleJob): Promise<string[]> => {
  const { liveBytes = Number.NaN } = await inWorker(job, ['--expose-gc'], (_, work) => work());
  return [toMegabytes(liveBytes)];
};

interface Done {
  readonly count: number;
  readonly liveBytes?: number;
}

async function inWorker<T>(
  job: ScaleJob,
  execArgv: string[],
  watch: (pid: number, work: () => Promise<Done>) => Promise<T>,
): Promise<T> {
  const child = fork(fileURLToPath(import.meta.resolve('#common/testing/content-worker.js')), { execArgv });
  await once(child, 'message');
  const exited = once(child, 'exit');
  const watched = await watch(child.pid ?? 0, async () => {
    child.send(job);
    const [done] = await Promise.race([once(child, 'message'), exited.then(() => [undefined])]);
    if (done === undefined) throw new Error(`the watched process ended with ${child.exitCode}`);
    return done as Done;
  });
  child.disconnect();
  await exited;
  return watched;
}
