import { describe, expect, it } from '@jest/globals';
import { type JestReport, toTally, UNNAMED } from './jest-report.js';
import { addTallies, toClosingLine } from './tiers.js';

type Test = JestReport['testResults'][number]['assertionResults'][number];

const report = (tests: readonly Test[], change: Partial<JestReport> = {}): JestReport => ({
  numPassedTests: tests.filter(({ status }) => status === 'passed').length,
  success: tests.every(({ status }) => status !== 'failed'),
  testResults: [
    {
      name: '/a.spec.js',
      status: tests.some(({ status }) => status === 'failed') ? 'failed' : 'passed',
      assertionResults: tests,
    },
  ],
  ...change,
});

describe('toTally', () => {
  it('counts passed tests, and names those that failed or did not run', () => {
    const tests = [
      { status: 'passed', fullName: 'a' },
      { status: 'failed', fullName: 'b' },
      { status: 'pending', fullName: 'c' },
      { status: 'todo', fullName: 'd' },
    ];
    expect(toTally(report(tests))).toEqual({ passed: 1, failed: ['b'], skipped: ['c', 'd'] });
  });

  it('names a file that could not be loaded as a failure', () => {
    const broken = report([], {
      success: false,
      testResults: [{ name: '/b.spec.js', status: 'failed', assertionResults: [] }],
    });
    expect(toTally(broken).failed).toEqual(['/b.spec.js']);
  });

  it('never calls a failed run a success', () => {
    expect(toTally(report([{ status: 'passed', fullName: 'a' }], { success: false }))).toEqual({
      passed: 1,
      failed: [UNNAMED],
      skipped: [],
    });
  });
});

describe('toClosingLine', () => {
  it('adds the tiers up', () => {
    const sum = addTallies([
      { passed: 3, failed: [], skipped: ['a'] },
      { passed: 2, failed: ['b'], skipped: [] },
    ]);
    expect(toClosingLine(sum)).toBe('5 passed, 1 failed, 1 skipped');
  });
});
