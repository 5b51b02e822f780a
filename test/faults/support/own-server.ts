import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { waitUntil } from '#tools/platform/wait-until.js';
import { plainEnv } from '#tools/process/plain-env.js';
import type { ServiceUser } from '#tools/services/home.js';

export interface OwnServerPlan {
  readonly name: string;
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly user?: ServiceUser | undefined;
  /** Added to what every server gets. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly isAnswering: () => Promise<boolean>;
}

/** A server that belongs to one spec, which stops, kills and starts it as it likes. */
export class OwnServer {
  private child: ChildProcess | undefined;
  private readonly output: string[] = [];

  constructor(private readonly plan: OwnServerPlan) {}

  /** Resolves when it answers. */
  async start(): Promise<void> {
    const { name, file, args, cwd, user, env, isAnswering } = this.plan;
    const child = spawn(file, args, {
      cwd,
      env: { ...plainEnv(), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...user,
    });
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => this.output.push(String(text)));
    this.child = child;
    await waitUntil(
      `${name} answers`,
      async () => {
        if (child.exitCode !== null) throw new Error(`${name} ended\n${this.tail()}`);
        return isAnswering();
      },
      { explain: () => this.tail() },
    );
  }

  /** As asked for by the signal; resolves when it is gone. */
  async stop(signal: NodeJS.Signals): Promise<void> {
    const { child } = this;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
  }

  private tail(): string {
    return this.output.join('').split('\n').slice(-20).join('\n');
  }
}
