import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { root } from '#tools/check/root.js';
import { waitUntil } from './wait-until.js';

export const appNames = ['scheduler', 'executor', 'verifier'] as const;

export type AppName = (typeof appNames)[number];

/** How Node starts a service as it is installed. `isWatching`: the compiled modules, written anew at each change. */
export function appArguments(name: AppName, configFile: string, isWatching = false): string[] {
  const flags = isWatching ? ['--watch', '--watch-preserve-output'] : [];
  const entry = isWatching ? `dist/apps/${name}/src/main.js` : `dist/bin/${name}.js`;
  return [...flags, join(root, entry), '--config', configFile];
}

/** Does the service that listens there answer that it is ready and sees the bus? */
export async function isAppReady(url: string, signal?: AbortSignal): Promise<boolean> {
  const response = await fetch(new URL('/health/ready', url), signal === undefined ? {} : { signal });
  const { checks } = (await response.json()) as { checks: Record<string, string> };
  return response.ok && checks['bus'] === 'ok';
}

/** One line of an app's log. */
export interface LogLine {
  readonly level?: string;
  readonly msg?: string;
  readonly url?: string;
  readonly [field: string]: unknown;
}

export interface AppOptions {
  readonly configFile: string;
  /** Nothing else of this process's environment reaches the app. */
  readonly env: Readonly<Record<string, string>>;
}

const STOP_MS = 50_000;

/** One service as an operator runs it: the compiled program in a process of its own, with a configuration as its only argument. */
export class AppProcess {
  /** Everything it wrote, as it wrote it. */
  readonly output: string[] = [];
  private readonly exited: Promise<number | string>;
  private hasExited = false;

  private constructor(
    readonly name: AppName,
    private readonly child: ChildProcess,
  ) {
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream as NodeJS.ReadableStream }).on('line', (line) => this.output.push(line));
    }
    this.exited = once(child, 'close').then(([code, signal]) => {
      this.hasExited = true;
      return (code ?? signal) as number | string;
    });
  }

  static start(name: AppName, { configFile, env }: AppOptions): AppProcess {
    const child = spawn(process.execPath, appArguments(name, configFile), {
      env: { ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return new AppProcess(name, child);
  }

  get hasEnded(): boolean {
    return this.hasExited;
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** Its log, without what is no JSON. */
  get log(): LogLine[] {
    return this.output.flatMap((line) => {
      try {
        return [JSON.parse(line) as LogLine];
      } catch {
        return [];
      }
    });
  }

  /** Where it listens: ports are chosen by the system, so the app is the one to say. */
  get url(): string {
    const ready = this.log.find(({ msg }) => msg === `${this.name} is ready`);
    if (ready?.url === undefined) throw new Error(`${this.name} has not said where it listens`);
    return ready.url;
  }

  /** Resolves when it answers that it is ready and sees the bus. Throws with the end of its log when it exits instead. */
  async ready(): Promise<void> {
    await waitUntil(`${this.name} is ready`, () => this.isReady(), { explain: () => this.tail() });
  }

  /** Asks it to end, and returns its exit code. One that does not end in time is killed and says so. */
  async stop(withinMs = STOP_MS): Promise<number | string> {
    if (!this.hasExited) this.child.kill('SIGTERM');
    const timer = setTimeout(() => this.child.kill('SIGKILL'), withinMs);
    return await this.exited.finally(() => clearTimeout(timer));
  }

  /** As the kernel's out-of-memory killer would: nothing is tidied up. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.exited;
  }

  tail(): string {
    return [`--- ${this.name}`, ...this.output.slice(-15)].join('\n');
  }

  private async isReady(): Promise<boolean> {
    if (this.hasExited) throw new Error(`${this.name} ended before it was ready\n${this.tail()}`);
    if (!this.log.some(({ msg }) => msg === `${this.name} is ready`)) return false;
    return isAppReady(this.url);
  }
}
