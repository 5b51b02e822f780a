import { readFile, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { AppError } from '#common/errors/app-error.js';
import type { Code } from '#common/errors/codes.js';
import { toText } from '#common/errors/printable.js';
import { isKnownDead } from '#common/process/orphans.js';
import { PARENT_MARK, toParentMark } from '#common/process/parent-mark.js';
import type { AttemptIdentity, Fence, FenceOptions } from './engine.js';

const Holder = z.object({
  runId: z.string(),
  attempt: z.number(),
  process: z.string().optional().describe('Its mark: a run without a catalog is over with its process'),
});

export interface FencePlace {
  /** In a directory that is there. */
  readonly file: string;
  /** Of the error where it cannot be written. */
  readonly code: Code;
}

/** A file that says which attempt works in a directory. The attempt that takes over replaces it, and the one before notices that before its last step. */
export class FileFence implements Fence {
  /** A file that goes sends no signal: `assertHeld` asks. */
  readonly whenLost = new Promise<Error>(() => undefined);

  private constructor(
    private readonly file: string | undefined,
    private readonly identity: AttemptIdentity,
  ) {}

  /** Without a place there is nothing to exclude: the plan, which comes next, refuses such a target. Throws: restore.busy; claim.lost; the place's own code. */
  static async open(
    place: FencePlace | undefined,
    identity: AttemptIdentity,
    { isOver }: FenceOptions,
  ): Promise<FileFence> {
    if (place === undefined) return new FileFence(undefined, identity);
    for (;;) {
      if (await take(place, identity)) return new FileFence(place.file, identity);
      const holder = await findHolder(place.file);
      if (holder?.runId === identity.runId && holder.attempt > identity.attempt)
        throw new AppError('claim.lost', `a later attempt than ${identity.attempt} restores for run ${identity.runId}`);
      const mayTake =
        holder === undefined ||
        holder.runId === identity.runId ||
        (await isKnownDead(holder.process ?? '')) ||
        (await isOver?.(holder.runId));
      if (!mayTake)
        throw new AppError('restore.busy', `run ${holder.runId} restores into ${dirname(place.file)} now`, {
          runId: holder.runId,
        });
      await rm(place.file, { force: true });
    }
  }

  /** Throws: claim.lost. */
  async assertHeld(): Promise<void> {
    const holder = await findHolder(this.file);
    if (holder?.runId === this.identity.runId && holder.attempt === this.identity.attempt) return;
    throw new AppError('claim.lost', `the file ${this.file ?? ''} no longer says that this attempt restores there`);
  }

  async close(): Promise<void> {
    await releaseFence(this.file, this.identity);
  }
}

/** Ends what this attempt, and those before it, hold. */
export async function releaseFence(file: string | undefined, { runId, attempt }: AttemptIdentity): Promise<void> {
  const holder = await findHolder(file);
  if (file === undefined || holder?.runId !== runId || holder.attempt > attempt) return;
  await rm(file, { force: true });
}

async function take({ file, code }: FencePlace, { runId, attempt }: AttemptIdentity): Promise<boolean> {
  try {
    await writeFile(file, JSON.stringify({ runId, attempt, process: toParentMark()[PARENT_MARK] }), { flag: 'wx' });
    return true;
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code;
    if (reason === 'EEXIST') return false;
    const directory = dirname(file);
    throw new AppError(code, `cannot write to ${directory}: ${toText(reason)}`, { directory }, { cause });
  }
}

/** Undefined where there is no such file, or none that says it. */
export async function findHolder(file: string | undefined): Promise<z.infer<typeof Holder> | undefined> {
  if (file === undefined) return undefined;
  try {
    return Holder.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch {
    return undefined;
  }
}
