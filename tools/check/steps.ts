import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { runChild } from '#tools/process/run-child.js';
import { runTier } from '#tools/test/run-tier.js';
import type { Tally } from '#tools/test/tiers.js';
import { cruiseArgs } from './cruise.js';
import { layers } from './layers-of-common.js';
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

function checkTree(): StepResult {
  const startedAt = performance.now();
  // What git does not ignore, new files included: the same set that a clone would have.
  const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', ...sourceFolders], {
    cwd: root,
    encoding: 'utf8',
  });
  const violations = decideTreeViolations(listed.split('\n').filter(Boolean), Object.keys(layers));
  return {
    isOk: violations.length === 0,
    output: violations.map(({ path, reason }) => `${path}: ${reason}\n`).join(''),
    durationMs: performance.now() - startedAt,
  };
}

/** The quality gate, the longest step first, so that two at a time end early. */
export const steps: readonly Step[] = [
  { name: 'unit', run: (signal) => runTier('unit', { signal, output: 'capture' }) },
  command('types', bin('tsc'), ['-p', root]),
  command('deps', process.execPath, cruiseArgs(root, 'err-long')),
  command('lint', bin('biome'), ['lint', '--error-on-warnings', '--max-diagnostics=200', '.']),
  command('format', bin('biome'), ['check', '--linter-enabled=false', '--reporter=summary', '.']),
  command('docs', process.execPath, [join(root, 'dist/tools/docs/main.js'), '--check']),
  { name: 'tree', run: async () => checkTree() },
  command('printed', process.execPath, [join(root, 'dist/tools/check/check-printable.js')]),
];
