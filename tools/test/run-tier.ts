import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '#tools/check/root.js';
import { type ChildResult, runChild } from '#tools/process/run-child.js';
import { readFaultRows, toFaultTable } from './fault-table.js';
import { type JestReport, toTally, UNNAMED } from './jest-report.js';
import { noTests, type Tally, type Tier } from './tiers.js';

export interface TierResult extends ChildResult {
  readonly tally: Tally;
  /** What the tier has to show besides, for people; mostly nothing. */
  readonly table: string;
}

export interface TierOptions {
  readonly signal: AbortSignal;
  readonly output: 'capture' | 'show';
  /** Passed on to jest: parts of paths, `-t name`. */
  readonly jestArgs?: readonly string[];
  /** Every spec and every case, and not only those that represent the rest. */
  readonly isWholeSuite?: boolean;
}

/** A run that hangs must become a failure while a developer still waits for it. */
const TIMEOUT_MS = 20 * 60_000;
const WHOLE_SUITE_TIMEOUT_MS = 90 * 60_000;

/** For two cores. Specs on real services wait as often as they work: a third one fills the pauses of the others. */
const WORKERS: Readonly<Record<Tier, number>> = { unit: 2, int: 3, e2e: 3, faults: 4 };

/** Runs the compiled specs of one tier. A tier without specs passes with nothing counted. */
export async function runTier(tier: Tier, o: TierOptions): Promise<TierResult> {
  const { signal, output, jestArgs = [], isWholeSuite = false } = o;
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-jest-'));
  try {
    const reportFile = join(folder, 'report.json');
    const rowFolder = join(folder, 'faults');
    await mkdir(rowFolder);
    // Read by test/faults/support/report.ts and libs/common/src/testing/representative.ts.
    const env = {
      ...process.env,
      HOLDFAST_FAULT_ROWS: rowFolder,
      ...(isWholeSuite ? { HOLDFAST_EVERY: '1' } : {}),
    };
    const timeoutMs = isWholeSuite ? WHOLE_SUITE_TIMEOUT_MS : TIMEOUT_MS;
    const args = [
      // Specs are native ES modules; these flags are inherited by jest's workers.
      '--experimental-vm-modules',
      // Each spec loads its modules anew: with V8's small default young objects are copied too often.
      '--max-semi-space-size=64',
      '--disable-warning=ExperimentalWarning',
      join(root, 'node_modules/jest/bin/jest.js'),
      `--maxWorkers=${WORKERS[tier]}`,
      `--testSequencer=${join(root, 'dist/tools/test/long-first.js')}`,
      '--passWithNoTests',
      '--json',
      `--outputFile=${reportFile}`,
      ...jestArgs,
      // Last, because each takes every plain argument that follows it for another pattern of its own.
      ...(isWholeSuite ? [] : [`--testPathIgnorePatterns=[.]every[.]${tier}[.]spec[.]js$`]),
      `--testMatch=**/*.${tier}.spec.js`,
    ];
    const result = await runChild(process.execPath, args, { cwd: root, env, signal, output, timeoutMs });
    const table = toFaultTable(await readFaultRows(rowFolder));
    return { ...result, table, tally: await readTally(reportFile, result.isOk) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function readTally(reportFile: string, isOk: boolean): Promise<Tally> {
  const text = await readFile(reportFile, 'utf8').catch(() => undefined);
  const tally = text === undefined ? noTests : toTally(JSON.parse(text) as JestReport);
  return isOk || tally.failed.length > 0 ? tally : { ...tally, failed: [UNNAMED] };
}
