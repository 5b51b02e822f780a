import { copyFile, mkdir, open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { AttemptIdentity } from './engine.js';

const STAGE = '.holdfast-restore-';

const stageOf = (directory: string, { runId }: AttemptIdentity): string => join(directory, `${STAGE}${runId}`);

/** An empty folder on the file system of a directory, so that a rename is all that is left to do. */
export async function openStage(directory: string, identity: AttemptIdentity): Promise<string> {
  const stage = stageOf(directory, identity);
  await rm(stage, { recursive: true, force: true });
  await mkdir(stage);
  return stage;
}

/** Resolves when the copy is on the disk. */
export async function copyDurably(from: string, to: string): Promise<void> {
  await copyFile(from, to);
  const file = await open(to, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Removes what attempts of runs that are over left beside the files. Returns what went. */
export async function sweepStages(
  directory: string,
  isOver: (runId: string) => Promise<boolean>,
): Promise<readonly string[]> {
  const removed: string[] = [];
  for (const name of await readdir(directory).catch(() => [])) {
    if (!name.startsWith(STAGE) || !(await isOver(name.slice(STAGE.length)))) continue;
    await rm(join(directory, name), { recursive: true, force: true });
    removed.push(join(directory, name));
  }
  return removed;
}
