import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { AttemptIdentity, Fence, FenceOptions } from '#common/engines/engine.js';
import { AppError } from '#common/errors/app-error.js';
import { toText } from '#common/errors/printable.js';

const Holder = z.object({ runId: z.string(), attempt: z.number() });

const pathIn = (directory: string): string => join(directory, '.holdfast-restore.lock');

/** A file that says which attempt works in the directory. Whoever takes over replaces it, and the attempt before notices before its last step. */
export class FileFence implements Fence {
  /** A file tells nobody that it is gone: `assertHeld` asks. */
  readonly whenLost = new Promise<Error>(() => undefined);

  private constructor(
    private readonly directory: string | undefined,
    private readonly identity: AttemptIdentity,
  ) {}

  /** Throws: restore.busy; claim.lost; redis.directory. */
  static async open(
    directory: string | undefined,
    identity: AttemptIdentity,
    { isOver }: FenceOptions,
  ): Promise<FileFence> {
    // A target without a directory is refused by the plan, which comes next.
    if (directory === undefined) return new FileFence(undefined, identity);
    for (;;) {
      const isTaken = await take(directory, identity);
      if (isTaken) return new FileFence(directory, identity);
      const holder = await findHolder(directory);
      if (holder?.runId === identity.runId && holder.attempt > identity.attempt)
        throw new AppError('claim.lost', `a later attempt than ${identity.attempt} restores for run ${identity.runId}`);
      const mayTake = holder === undefined || holder.runId === identity.runId || (await isOver?.(holder.runId));
      if (!mayTake) throw new AppError('restore.busy', `run ${holder.runId} restores into ${directory} now`);
      await rm(pathIn(directory), { force: true });
    }
  }

  /** Throws: claim.lost. */
  async assertHeld(): Promise<void> {
    const holder = await findHolder(this.directory ?? '');
    if (holder?.runId === this.identity.runId && holder.attempt === this.identity.attempt) return;
    throw new AppError('claim.lost', `another attempt restores into ${this.directory ?? 'nothing'} now`);
  }

  async close(): Promise<void> {
    await releaseDirectory(this.directory, this.identity);
  }
}

/** Ends what this attempt, and those before it, hold. */
export async function releaseDirectory(
  directory: string | undefined,
  { runId, attempt }: AttemptIdentity,
): Promise<void> {
  const holder = directory === undefined ? undefined : await findHolder(directory);
  if (directory === undefined || holder?.runId !== runId || holder.attempt > attempt) return;
  await rm(pathIn(directory), { force: true });
}

async function take(directory: string, { runId, attempt }: AttemptIdentity): Promise<boolean> {
  try {
    await writeFile(pathIn(directory), JSON.stringify({ runId, attempt }), { flag: 'wx' });
    return true;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'EEXIST') return false;
    throw new AppError('redis.directory', `cannot write to ${directory}: ${toText(code)}`, { directory }, { cause });
  }
}

async function findHolder(directory: string): Promise<AttemptIdentity | undefined> {
  try {
    return Holder.parse(JSON.parse(await readFile(pathIn(directory), 'utf8')));
  } catch {
    return undefined;
  }
}
