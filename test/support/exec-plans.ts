import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '#tools/check/root.js';
import { waitUntil } from '#tools/platform/wait-until.js';
import { type CliResult, holdfast } from './cli.js';

export const shell = (name: string, line: string, more: object = {}) => ({
  ...{ name, use: 'exec', command: ['sh', '-c', line], repeatable: true },
  ...more,
});

/** Plans of programs in a folder of their own, and runs of them by the command line. */
export class ExecPlans {
  private constructor(readonly folder: string) {}

  static async make(): Promise<ExecPlans> {
    return new ExecPlans(await mkdtemp(join(tmpdir(), 'holdfast-exec-plans-')));
  }

  /** Named p; programs find the folder in $HERE. */
  async write(...steps: readonly object[]): Promise<void> {
    const config = {
      ...{ repositories: {}, datasets: {}, recovery: { directory: join(this.folder, 'state') } },
      plans: { p: { steps: steps.map((step) => this.located(step)) } },
    };
    await writeFile(join(this.folder, 'holdfast.yaml'), JSON.stringify(config));
  }

  /** The configuration with something else in it. */
  async change(change: (config: { readonly recovery: object }) => object): Promise<void> {
    const file = join(this.folder, 'holdfast.yaml');
    await writeFile(file, JSON.stringify(change(JSON.parse(await readFile(file, 'utf8')))));
  }

  /** The last argument may be a signal, which is Ctrl-C. */
  run(...given: (string | AbortSignal)[]): Promise<CliResult> {
    const args = given.filter((each) => typeof each === 'string');
    const stop = given.find((each) => each instanceof AbortSignal);
    return holdfast(['recovery', ...args, '--config', join(this.folder, 'holdfast.yaml')], this.env, stop);
  }

  async json(...args: string[]) {
    const { stdout, exitCode } = await this.run(...args, '--json');
    return { exitCode, document: JSON.parse(stdout) };
  }

  /** Kills the command line, and nothing that it started, when the file is there. */
  async runKilledAt(file: string, ...args: string[]): Promise<void> {
    const main = join(root, 'dist/bin/holdfast.js');
    const config = ['--config', join(this.folder, 'holdfast.yaml')];
    const child = spawn(process.execPath, [main, 'recovery', ...args, ...config], { env: this.env, stdio: 'ignore' });
    const ended = once(child, 'close');
    await waitUntil(`${file} is there`, async () => child.exitCode !== null || (await this.has(file)));
    child.kill('SIGKILL');
    await ended;
  }

  /** What programs wrote there. */
  read(file: string): Promise<string> {
    return readFile(join(this.folder, file), 'utf8').catch(() => '');
  }

  async has(file: string): Promise<boolean> {
    return (await this.read(file)) !== '';
  }

  /** The folder of the newest run. */
  async runFolder(): Promise<string> {
    const runs = await readdir(join(this.folder, 'state'));
    return join(this.folder, 'state', runs.sort().at(-1) ?? '');
  }

  async appendToJournal(text: string): Promise<void> {
    await appendFile(join(await this.runFolder(), 'journal.ndjson'), text);
  }

  remove(): Promise<void> {
    return rm(this.folder, { recursive: true, force: true });
  }

  private get env(): Record<string, string> {
    return { PATH: process.env['PATH'] ?? '', TOKEN: 'a-token-that-is-secret' };
  }

  private located(step: object): object {
    if (!('command' in step)) return step;
    const env = 'env' in step ? (step.env as object) : {};
    return { ...step, env: { ...env, HERE: this.folder } };
  }
}
