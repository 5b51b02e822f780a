import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runChild } from '#tools/process/run-child.js';
import { runTier } from '#tools/test/run-tier.js';
import type { Tally } from '#tools/test/tiers.js';
import { cruiseArgs } from './cruise.js';
import { layers } from './layers-of-common.js';
import { findHiddenActors, isReadForWords } from './plain-words.js';
import { root, sourceFolders } from './root.js';
import { decideTreeViolations } from './tree-rules.js';

export interface StepResult {
  readonly isOk: boolean;
  readonly output: string;
  readonly durationMs: number;
  /** For the step that is itself a run of tests. */
  readonly tally?: Tally;
}

export interface Step {
  readonly name: string;
  run(signal: AbortSignal): Promise<StepResult>;
}

function command(name: string, file: string, args: readonly string[]): Step {
  return { name, run: (signal) => runChild(file, args, { cwd: root, signal, output: 'capture' }) };
}

const bin = (name: string) => join(root, 'node_modules/.bin', name);

/** What git does not ignore, new files included: the same set that a clone would have. */
function listFiles(...places: readonly string[]): string[] {
  const args = ['ls-files', '--cached', '--others', '--exclude-standard', ...places];
  return execFileSync('git', args, { cwd: root, encoding: 'utf8' }).split('\n').filter(Boolean);
}

function checkLines(find: () => readonly string[]): StepResult {
  const startedAt = performance.now();
  const lines = find();
  const output = lines.map((line) => `${line}\n`).join('');
  return { isOk: lines.length === 0, output, durationMs: performance.now() - startedAt };
}

const findMisplaced = (): string[] =>
  decideTreeViolations(listFiles(...sourceFolders), Object.keys(layers)).map(
    ({ path, reason }) => `${path}: ${reason}`,
  );

const findHidden = (): string[] =>
  listFiles()
    .filter((path) => isReadForWords(path) && existsSync(join(root, path)))
    .flatMap((path) => findHiddenActors(path, readFileSync(join(root, path), 'utf8')))
    .map(({ path, line, found, instead }) => `${path}:${line}: "${found}": ${instead}`);

/** The quality gate, the longest step first, so that two at a time end early. */
export const steps: readonly Step[] = [
  { name: 'unit', run: (signal) => runTier('unit', { signal, output: 'capture' }) },
  command('types', bin('tsc'), ['-p', root]),
  command('deps', process.execPath, cruiseArgs(root, 'err-long')),
  command('lint', bin('biome'), ['lint', '--error-on-warnings', '--max-diagnostics=200', '.']),
  command('format', bin('biome'), ['check', '--linter-enabled=false', '--reporter=summary', '.']),
  command('docs', process.execPath, [join(root, 'dist/tools/docs/main.js'), '--check']),
  { name: 'tree', run: async () => checkLines(findMisplaced) },
  { name: 'words', run: async () => checkLines(findHidden) },
  command('printed', process.execPath, [join(root, 'dist/tools/check/check-printable.js')]),
];
