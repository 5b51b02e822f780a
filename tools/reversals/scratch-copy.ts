import { cp, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { build } from 'esbuild';
import { root } from '#tools/check/root.js';
import { runChild } from '#tools/process/run-child.js';
import { type Reversal, reverse, toTitlePattern } from './reversal.js';

/** Not copied; the first two are used where they are. */
const SHARED = ['node_modules', '.services'];
const LEFT = new Set([...SHARED, '.git', '.dev', '.quickstart', '.disaster', 'dist']);
const SOURCES = ['apps', 'libs', 'test', 'tools', 'bench', 'examples'];
const TIMEOUT_MS = 5 * 60_000;

interface JestReport {
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly title: string; readonly status: string }[];
  }[];
}

/** What became of the named test: only `failed` is a test that noticed. */
export type Outcome = 'failed' | 'passed' | 'did not run';

export interface Trial {
  readonly outcome: Outcome;
  /** What jest printed: who wonders about the outcome reads it. */
  readonly output: string;
}

/** The checkout once more, to be changed and built: what a spec says of another program is tried there. */
export class ScratchCopy {
  private constructor(readonly folder: string) {}

  static async create(): Promise<ScratchCopy> {
    const folder = await mkdtemp(join(tmpdir(), 'holdfast-reversals-'));
    await cp(root, folder, { recursive: true, filter: (path) => !LEFT.has(basename(path)) });
    for (const name of SHARED) await symlink(join(root, name), join(folder, name));
    return new ScratchCopy(folder);
  }

  remove(): Promise<void> {
    return rm(this.folder, { recursive: true, force: true });
  }

  /** Runs the test of a reversal without it: it must pass. */
  async tryStraight(reversal: Reversal, signal: AbortSignal): Promise<Trial> {
    await this.build(signal);
    return this.runSpec(reversal.spec, signal, toTitlePattern(reversal));
  }

  /** Takes the step back, runs the named test, and puts the step in its place again. */
  async tryReversed(reversal: Reversal, signal: AbortSignal): Promise<Trial> {
    const path = join(this.folder, reversal.file);
    const source = await readFile(path, 'utf8');
    await writeFile(path, reverse(source, reversal));
    try {
      await this.build(signal);
      return await this.runSpec(reversal.spec, signal, toTitlePattern(reversal));
    } finally {
      await writeFile(path, source);
    }
  }

  /** Emits whatever the types say, in a second: a variable that is not used any more is no obstacle. */
  async build(signal: AbortSignal): Promise<void> {
    const { folder: absWorkingDir } = this;
    const places = { absWorkingDir, outdir: 'dist', outbase: '.', tsconfig: 'tsconfig.json' };
    const entryPoints = SOURCES.map((name) => `${name}/**/*.ts`);
    await build({ ...places, entryPoints, format: 'esm', sourcemap: true, logLevel: 'silent' });
    await this.node([join(this.folder, 'tools/bootstrap/bundle.mjs')], signal);
  }

  /** Runs one spec of the copy as it was built last, or those of its tests whose titles match. */
  async runSpec(name: string, signal: AbortSignal, titles = ''): Promise<Trial> {
    const spec = await this.find(name.replace(/ts$/, 'js'));
    if (spec === undefined) return { outcome: 'did not run', output: `there is no ${name}` };
    const reportFile = join(this.folder, 'dist', 'reversal.json');
    await rm(reportFile, { force: true });
    const { output } = await this.node(
      [
        '--experimental-vm-modules',
        '--disable-warning=ExperimentalWarning',
        join(root, 'node_modules/jest/bin/jest.js'),
        ...['--json', `--outputFile=${reportFile}`, '--forceExit', '-t', titles],
        ...['--runTestsByPath', spec],
      ],
      signal,
    );
    signal.throwIfAborted();
    const report = await readFile(reportFile, 'utf8').catch(() => `{"testResults":[]}`);
    return { outcome: toOutcome(JSON.parse(report) as JestReport), output };
  }

  private async find(name: string): Promise<string | undefined> {
    const found = (await readdir(join(this.folder, 'dist'), { recursive: true })).find(
      (path) => basename(path) === name,
    );
    return found && join('dist', found);
  }

  private node(args: readonly string[], signal: AbortSignal) {
    return runChild(process.execPath, args, { cwd: this.folder, signal, output: 'capture', timeoutMs: TIMEOUT_MS });
  }
}

/** A spec that cannot even be loaded has noticed nothing. */
export function toOutcome({ testResults }: JestReport): Outcome {
  const states = testResults.flatMap(({ assertionResults }) => assertionResults.map(({ status }) => status));
  if (states.includes('failed')) return 'failed';
  return states.includes('passed') ? 'passed' : 'did not run';
}
