import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '#tools/check/root.js';
import { plainEnv } from '#tools/process/plain-env.js';
import { runChild } from '#tools/process/run-child.js';
import type { Crew } from './crew.js';
import { poll } from './poll.js';
import { Trouble } from './trouble.js';

const entry = join(root, 'dist/examples/shop/main.js');

export interface ShopOptions {
  readonly crew: Crew;
  readonly env: Readonly<Record<string, string>>;
  readonly url: string;
  readonly signal: AbortSignal;
}

/** The sample shop, driven through its command line as a person would. */
export class Shop {
  constructor(private readonly options: ShopOptions) {}

  /** Runs one command to its end; its result is the JSON document that it prints. */
  async run<T>(...args: readonly string[]): Promise<T> {
    const { crew, env, signal } = this.options;
    const logFile = crew.logFile('shop-commands');
    const options = { cwd: root, env: { ...plainEnv(), ...env }, signal, output: 'capture' as const };
    const { isOk, stdout, output } = await runChild(process.execPath, [entry, ...args], options);
    appendFileSync(logFile, output);
    signal.throwIfAborted();
    if (!isOk) throw new Trouble(`shop ${args.join(' ')} failed`, { logFile });
    return JSON.parse(stdout) as T;
  }

  /** Starts the HTTP side; returns when it answers, with or without its database. */
  async serve(): Promise<void> {
    const { crew, env, url, signal } = this.options;
    crew.start('shop-serve', { args: [entry, 'serve'], env });
    const logFile = crew.logFile('shop-serve');
    const ask = async () => (await fetch(new URL('/health', url), { signal })).status;
    await poll(ask, { signal, what: 'the answer of the shop', logFile });
  }

  /** Starts the projector; returns when it has joined its group. */
  async project(): Promise<void> {
    const { crew, env, signal } = this.options;
    const logFile = crew.logFile('shop-project');
    const countReady = () =>
      existsSync(logFile) ? readFileSync(logFile, 'utf8').split('"ready":"project"').length : 1;
    const before = countReady();
    crew.start('shop-project', { args: [entry, 'project'], env });
    const ask = async () => (countReady() > before ? true : undefined);
    await poll(ask, { signal, what: 'the projector joining its group', logFile });
  }

  stopServing(): Promise<void> {
    return this.options.crew.stop('shop-serve');
  }

  stopProjecting(): Promise<void> {
    return this.options.crew.stop('shop-project');
  }
}
