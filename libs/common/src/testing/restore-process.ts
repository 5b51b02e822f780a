import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PgOrder } from '#common/testing/restore-test-bed.js';
import { fixtureProgram } from './fixture-program.js';

/** One attempt at a restore in a process of its own, to be killed, frozen and thawed. */
export class RestoreProcess {
  private output = '';
  private readonly ended: Promise<unknown>;

  private constructor(private readonly child: ChildProcess) {
    child.stdout?.on('data', (chunk: Buffer) => {
      this.output += chunk.toString();
    });
    this.ended = once(child, 'close');
  }

  /** `killAt`: the process kills itself when it comes to that stage. */
  static async start(
    order: PgOrder,
    options: { readonly folder: string; readonly killAt?: string },
  ): Promise<RestoreProcess> {
    const file = join(options.folder, `order-${order.identity.runId}-${order.identity.attempt}.json`);
    const repositoryUrl = `file://${join(options.folder, 'repository')}`;
    const patient = { ...order, target: { ...order.target, lockTimeoutMs: 30_000 } };
    await writeFile(
      file,
      JSON.stringify({ order: patient, repositoryUrl, workDirectory: options.folder, killAt: options.killAt }),
    );
    return new RestoreProcess(
      spawn(process.execPath, [fixtureProgram('run-restore.mjs'), file], { stdio: ['ignore', 'pipe', 'inherit'] }),
    );
  }

  signal(name: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void {
    this.child.kill(name);
  }

  /** What it said at its end; empty when it was killed. */
  async end(): Promise<string> {
    await this.ended;
    return this.output.trim();
  }
}
