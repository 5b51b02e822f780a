import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '#tools/check/root.js';
import { type ChildResult, runChild } from '#tools/process/run-child.js';
import { type JestReport, toTally } from './jest-report.js';
import type { Tally, Tier } from './tiers.js';

export interface TierResult extends ChildResult {
  readonly tally: Tally;
}

export interface TierOptions {
  readonly signal: AbortSignal;
  readonly output: 'capture' | 'show';
  /** Passed on to jest: parts of paths, `-t name`. */
  readonly jestArgs?: readonly string[];
}

/** A run that hangs must become a failure while somebody still waits for it. */
const timeoutMs = 20 * 60_000;

/** Runs the compiled specs of one tier. A tier without specs passes with nothing counted. */
export async function runTier(tier: Tier, { signal, output, jestArgs = [] }: TierOptions): Promise<TierResult> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-jest-'));
  try {
    const reportFile = join(folder, 'report.json');
    const args = [
      // Specs are native ES modules; the flag is inherited by jest's workers.
      '--experimental-vm-modules',
      '--disable-warning=ExperimentalWarning',
      join(root, 'node_modules/jest/bin/jest.js'),
      '--maxWorkers=2',
      '--passWithNoTests',
      '--json',
      `--outputFile=${reportFile}`,
      ...jestArgs,
      // Last, because it takes every plain argument that follows it for another pattern.
      `--testMatch=**/*.${tier}.spec.js`,
    ];
    const result = await runChild(process.execPath, args, { cwd: root, signal, output, timeoutMs });
    return { ...result, tally: await readTally(reportFile, result.isOk) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function readTally(reportFile: string, isOk: boolean): Promise<Tally> {
  const text = await readFile(reportFile, 'utf8').catch(() => undefined);
  const tally = text === undefined ? { passed: 0, failed: 0, skipped: [] } : toTally(JSON.parse(text) as JestReport);
  return isOk ? tally : { ...tally, failed: Math.max(tally.failed, 1) };
}
