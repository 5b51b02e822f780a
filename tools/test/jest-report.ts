import type { Tally } from './tiers.js';

interface Outcome {
  readonly status: string;
  readonly fullName: string;
}

/** The part of `jest --json` that we read. */
export interface JestReport {
  readonly numPassedTests: number;
  readonly success: boolean;
  readonly testResults: readonly {
    /** The path of the spec file. */
    readonly name: string;
    readonly status: string;
    readonly assertionResults: readonly Outcome[];
  }[];
}

const notRun = new Set(['pending', 'skipped', 'todo', 'disabled']);
const hasFailed = ({ status }: Outcome): boolean => status === 'failed';
/** A failure for which the runner names no test: it died, or hung. */
export const UNNAMED = 'the run itself';

/**
 * Counts what jest reports. A file that could not even be loaded has no tests, so it counts as one failure; so does a run
 * that failed without saying in which test.
 */
export function toTally(report: JestReport): Tally {
  const named = (isMeant: (test: Outcome) => boolean): string[] =>
    report.testResults.flatMap(({ assertionResults }) => assertionResults.filter(isMeant)).map((test) => test.fullName);
  const brokenFiles = report.testResults
    .filter(({ status, assertionResults }) => status === 'failed' && !assertionResults.some(hasFailed))
    .map(({ name }) => name);
  const failed = [...named(hasFailed), ...brokenFiles];
  return {
    passed: report.numPassedTests,
    failed: report.success || failed.length > 0 ? failed : [UNNAMED],
    skipped: named(({ status }) => notRun.has(status)),
  };
}
