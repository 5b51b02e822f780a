import { readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Longer than any restore that `--local` may be at in the same folder, which no catalog knows. */
export const UNKNOWN_SPOOL_AFTER_MS = 7 * 24 * 3_600_000;

export interface SweepSpoolOptions {
  readonly stateOf: (runId: string) => Promise<'open' | 'over' | 'unknown'>;
  readonly unknownAfterMs?: number;
}

/**
 * Removes the folders that restores, and backups that share content, filled on this machine and left when they were killed; each is as large as a database. What cannot
 * be looked at or removed is another user's, and stays. Returns their names. Throws: what `stateOf` throws.
 */
export async function sweepSpoolFolders(
  workDirectory: string | undefined,
  { stateOf, unknownAfterMs = UNKNOWN_SPOOL_AFTER_MS }: SweepSpoolOptions,
): Promise<string[]> {
  const parent = workDirectory ?? tmpdir();
  const removed: string[] = [];
  for (const name of await readdir(parent).catch(() => [])) {
    const runId = /^holdfast-(?:restore|backup)-([0-9a-f-]{36})-a\d+-/.exec(name)?.[1];
    if (runId === undefined) continue;
    const state = await stateOf(runId);
    if (state === 'open' || (state === 'unknown' && (await ageMs(join(parent, name))) < unknownAfterMs)) continue;
    const isGone = await rm(join(parent, name), { recursive: true, force: true }).then(
      () => true,
      () => false,
    );
    if (isGone) removed.push(name);
  }
  return removed;
}

async function ageMs(path: string): Promise<number> {
  const found = await stat(path).catch(() => undefined);
  return found === undefined ? 0 : Date.now() - found.mtimeMs;
}
