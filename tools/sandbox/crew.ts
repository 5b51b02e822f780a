import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { root } from '#tools/check/root.js';
import { startNoted } from '#tools/process/noted-process.js';
import { listRunning, noteOf, stopMember } from './process-note.js';
import { Trouble } from './trouble.js';

export interface Member {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/**
 * The processes of a sandbox, each with a log file. Every one leads a group of its own: Ctrl-C reaches us alone, and we stop
 * them in order. One that ends unasked makes `failed` reject with the name of its log.
 */
export class Crew {
  readonly failed: Promise<never>;
  private readonly fail: (error: Error) => void;
  private readonly children = new Map<string, ChildProcess>();
  private isClosed = false;

  constructor(private readonly home: string) {
    const { promise, reject } = Promise.withResolvers<never>();
    promise.catch(() => undefined);
    this.failed = promise;
    this.fail = reject;
  }

  logFile(name: string): string {
    return join(this.home, 'logs', `${name}.log`);
  }

  start(name: string, { args, env }: Member): void {
    if (this.isClosed) throw new Trouble(`${name} was not started: everything is being stopped`);
    const child = startNoted(noteOf(this.home, name), {
      ...{ file: process.execPath, args: ['--enable-source-maps', ...args], cwd: root },
      ...{ env: { HOME: process.env['HOME'], ...env }, logFile: this.logFile(name), isAppending: true },
    });
    this.children.set(name, child);
    child.once('error', (error) => this.fail(new Trouble(`${name} could not be started: ${error.message}`)));
    child.once('exit', (code, signal) => {
      // Stopped on purpose: it is no member any more.
      if (this.children.get(name) !== child) return;
      const end = signal === null ? `exit code ${code}` : signal;
      this.fail(new Trouble(`${name} ended unasked, with ${end}`, { logFile: this.logFile(name) }));
    });
  }

  /** Returns when it is gone. */
  async stop(name: string): Promise<void> {
    this.children.delete(name);
    await stopMember(this.home, name);
  }

  /** The last one started is the first one stopped; nothing can be started afterwards. */
  async stopAll(): Promise<void> {
    this.isClosed = true;
    for (const name of [...this.children.keys()].reverse()) await this.stop(name);
  }

  /** Leaves them running when this process ends. */
  release(): void {
    for (const child of this.children.values()) child.unref();
    this.children.clear();
  }
}

/** Stops what an earlier call left running, kept or orphaned by a kill; returns the names. */
export async function stopLeftovers(home: string): Promise<string[]> {
  const names = listRunning(home);
  for (const name of names) await stopMember(home, name);
  return names;
}
