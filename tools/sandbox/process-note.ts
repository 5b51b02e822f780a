import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseStat } from '#tools/services/background.js';

/** A process that we started, told apart from a later one that was given the same pid. */
interface Note {
  readonly pid: number;
  readonly startedTicks: string | undefined;
}

const STOP_MS = 15_000;
const folderOf = (home: string): string => join(home, 'run');
const fileOf = (home: string, name: string): string => join(folderOf(home), `${name}.json`);

/** Remembers a process on disk, so that a later call can stop it although this one was killed or told to keep it. */
export function noteProcess(home: string, name: string, pid: number): void {
  mkdirSync(folderOf(home), { recursive: true });
  writeFileSync(fileOf(home, name), JSON.stringify({ pid, startedTicks: startedTicks(pid) } satisfies Note));
}

/** The names of all that is remembered and still runs, the last one started first. */
export function listRunning(home: string): string[] {
  try {
    const names = readdirSync(folderOf(home)).map((file) => file.replace(/\.json$/, ''));
    const running = names.flatMap((name) => {
      const note = findRunning(home, name);
      return note === undefined ? [] : [{ name, ticks: Number(note.startedTicks) }];
    });
    return running.sort((a, b) => b.ticks - a.ticks).map(({ name }) => name);
  } catch {
    return [];
  }
}

/** Asks the process to end, kills its whole group when it does not, and returns when it is gone. */
export async function stopNoted(home: string, name: string): Promise<void> {
  const note = findRunning(home, name);
  if (note !== undefined) {
    send(note.pid, 'SIGTERM');
    for (let waitedMs = 0; findRunning(home, name) !== undefined && waitedMs < STOP_MS; waitedMs += 25) await sleep(25);
    // Also what the process itself started and left.
    send(-note.pid, 'SIGKILL');
    for (let waitedMs = 0; findRunning(home, name) !== undefined && waitedMs < STOP_MS; waitedMs += 25) await sleep(25);
  }
  rmSync(fileOf(home, name), { force: true });
}

function findRunning(home: string, name: string): Note | undefined {
  try {
    const note = JSON.parse(readFileSync(fileOf(home, name), 'utf8')) as Note;
    return startedTicks(note.pid) === note.startedTicks ? note : undefined;
  } catch {
    return undefined;
  }
}

/** Throws when there is no such process, or only its zombie. */
function startedTicks(pid: number): string {
  const stat = parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  if (stat.state === 'Z' || stat.startedTicks === undefined) throw new Error(`process ${pid} has ended`);
  return stat.startedTicks;
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // ESRCH: it is gone, which is what was asked for.
  }
}
