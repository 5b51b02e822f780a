import { join } from 'node:path';
import { root } from '#tools/check/root.js';
import { plainEnv } from '#tools/process/plain-env.js';
import { runChild } from '#tools/process/run-child.js';
import { Trouble } from '#tools/sandbox/trouble.js';

/** The command line, as an operator has it. */
export class Holdfast {
  constructor(
    private readonly env: Readonly<Record<string, string>>,
    private readonly signal: AbortSignal,
  ) {}

  /** What it prints. Throws: Trouble, with all that it said, when it does not exit 0. */
  async tell(...args: readonly string[]): Promise<string> {
    const env = { ...plainEnv(), HOME: process.env['HOME'], ...this.env };
    const program = join(root, 'dist/bin/holdfast.js');
    const options = { env, signal: this.signal, output: 'capture' as const };
    const { isOk, stdout, output } = await runChild(process.execPath, [program, ...args], options);
    this.signal.throwIfAborted();
    if (!isOk) throw new Trouble(`holdfast ${args.join(' ')} failed:\n${output.trimEnd()}`);
    return stdout.trimEnd();
  }

  /** The document that it prints with --json. */
  async ask<T>(...args: readonly string[]): Promise<T> {
    return JSON.parse(await this.tell(...args)) as T;
  }
}
