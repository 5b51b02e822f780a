/** The name of a spec file says its tier: `<what>.<tier>.spec.ts`. */
export const tiers = ['unit', 'int', 'e2e', 'faults'] as const;
export type Tier = (typeof tiers)[number];

/** What one tier, or the quality gate, came to. */
export interface Tally {
  readonly passed: number;
  /** The full names of the tests that failed. */
  readonly failed: readonly string[];
  /** The full names of the tests that did not run. */
  readonly skipped: readonly string[];
}

export const noTests: Tally = { passed: 0, failed: [], skipped: [] };

export function addTallies(tallies: readonly Tally[]): Tally {
  return tallies.reduce(
    (sum, tally) => ({
      passed: sum.passed + tally.passed,
      failed: [...sum.failed, ...tally.failed],
      skipped: [...sum.skipped, ...tally.skipped],
    }),
    noTests,
  );
}

/** The last line of a test run, in the form that CI looks for. */
export function toClosingLine({ passed, failed, skipped }: Tally): string {
  return `${passed} passed, ${failed.length} failed, ${skipped.length} skipped`;
}
