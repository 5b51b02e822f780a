import { execFile } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root } from '#tools/check/root.js';
import { plainEnv } from '#tools/services/background.js';
import type { Crew } from './crew.js';
import { poll } from './poll.js';
import { Trouble } from './trouble.js';

const entry = join(root, 'dist/examples/shop/main.js');
const exec = promisify(execFile);

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
    try {
      const { stdout, stderr } = await exec(process.execPath, [entry, ...args], {
        ...{ cwd: root, env: { ...plainEnv(), ...env }, signal },
        maxBuffer: 64 * 1024 * 1024,
      });
      appendFileSync(logFile, stderr);
      return JSON.parse(stdout) as T;
    } catch (error) {
      signal.throwIfAborted();
      appendFileSync(logFile, (error as { stderr?: string }).stderr ?? '');
      throw new Trouble(`shop ${args.join(' ')} failed`, { logFile }, { cause: error });
    }
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
