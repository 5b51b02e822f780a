import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { findNoted, stopNoted } from '#tools/process/noted-process.js';

const STOP_MS = 15_000;
const folderOf = (home: string): string => join(home, 'run');
/** The note of a process of the sandbox, by which a later call can stop it although this one was killed or left it running. */
export const noteOf = (home: string, name: string): string => join(folderOf(home), `${name}.json`);

/** The names of all that is remembered and still runs, the last one started first. */
export function listRunning(home: string): string[] {
  try {
    const names = readdirSync(folderOf(home)).map((file) => file.replace(/\.json$/, ''));
    const running = names.flatMap((name) => {
      const noted = findNoted(noteOf(home, name));
      return noted === undefined ? [] : [{ name, ticks: Number(noted.startedTicks) }];
    });
    return running.sort((a, b) => b.ticks - a.ticks).map(({ name }) => name);
  } catch {
    return [];
  }
}

/** Asks the process to end, kills its whole group when it does not, and returns when it is gone. */
export const stopMember = (home: string, name: string): Promise<void> =>
  stopNoted(noteOf(home, name), { graceMs: STOP_MS });
