import type { Tally } from './tiers.js';

/** The part of `jest --json` that we read. */
export interface JestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly success: boolean;
  readonly testResults: readonly {
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

const notRun = new Set(['pending', 'skipped', 'todo', 'disabled']);

/**
 * Counts what jest reports. A file that could not even be loaded has no tests, so it counts as one failure; so does a run
 * that failed without saying in which test.
 */
export function toTally(report: JestReport): Tally {
  const tests = report.testResults.flatMap(({ assertionResults }) => assertionResults);
  const brokenFiles = report.testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
  ).length;
  const failed = report.numFailedTests + brokenFiles;
  return {
    passed: report.numPassedTests,
    failed: report.success ? failed : Math.max(failed, 1),
    skipped: tests.filter(({ status }) => notRun.has(status)).map(({ fullName }) => fullName),
  };
}
