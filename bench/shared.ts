import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ScaleJob } from '#common/testing/content-at-scale.js';
import { sampleMemory } from './memory-samples.js';
import type { BenchOptions } from './options.js';
import { printTable, toFixed } from './report.js';

const SAID: Readonly<Record<ScaleJob['kind'], string>> = {
  first: 'backup, all new',
  next: 'backup, 1 in 100 new',
  check: 'every reference is there',
  expire: 'the first expires',
};

/** Prints what one process needs for backups of that many shared objects: flat is when their number makes little difference. */
export async function benchShared({ entries }: BenchOptions): Promise<void> {
  const rows: string[][] = [];
  for (const count of entries) {
    console.log(`${toFixed(count, 0)} shared objects`);
    rows.push(...(await measure(count)));
  }
  console.log(
    '\nresident memory (VmRSS, VmHWM) of the process that does the work, in a file:// repository whose shared',
  );
  console.log('objects are written down in a list, and their bytes thrown away:');
  printTable([['', 'objects', 'found', 'seconds', 'idle', 'median', 'peak', 'peak - idle'], ...rows]);
}

async function measure(entries: number): Promise<string[][]> {
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

async function watch(job: ScaleJob): Promise<string[]> {
  const child = fork(fileURLToPath(import.meta.resolve('#common/testing/content-worker.js')));
  await once(child, 'message');
  const exited = once(child, 'exit');
  const startedAt = performance.now();
  const { result, cells } = await sampleMemory(child.pid ?? 0, async () => {
    child.send(job);
    const [count] = await Promise.race([once(child, 'message'), exited.then(() => [undefined])]);
    if (count === undefined) throw new Error(`the watched process ended with ${child.exitCode}`);
    return Number(count);
  });
  const seconds = (performance.now() - startedAt) / 1_000;
  child.disconnect();
  await exited;
  return [SAID[job.kind], toFixed(job.entries, 0), toFixed(result, 0), toFixed(seconds, 1), ...cells];
}
