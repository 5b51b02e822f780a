import { describe, expect, it } from '@jest/globals';
import { type JestReport, toTally } from './jest-report.js';
import { addTallies, toClosingLine } from './tiers.js';

type Test = JestReport['testResults'][number]['assertionResults'][number];

const report = (tests: readonly Test[], change: Partial<JestReport> = {}): JestReport => ({
  numPassedTests: tests.filter(({ status }) => status === 'passed').length,
  numFailedTests: tests.filter(({ status }) => status === 'failed').length,
  success: tests.every(({ status }) => status !== 'failed'),
  testResults: [
    { status: tests.some(({ status }) => status === 'failed') ? 'failed' : 'passed', assertionResults: tests },
  ],
  ...change,
});

describe('toTally', () => {
  it('counts passed and failed tests, and names the skipped ones', () => {
    const tests = [
      { status: 'passed', fullName: 'a' },
      { status: 'failed', fullName: 'b' },
      { status: 'pending', fullName: 'c' },
      { status: 'todo', fullName: 'd' },
    ];
    expect(toTally(report(tests))).toEqual({ passed: 1, failed: 1, skipped: ['c', 'd'] });
  });

  it('counts a file that could not be loaded as a failure', () => {
    const broken = report([], { success: false, testResults: [{ status: 'failed', assertionResults: [] }] });
    expect(toTally(broken).failed).toBe(1);
  });

  it('never calls a failed run a success', () => {
    expect(toTally(report([{ status: 'passed', fullName: 'a' }], { success: false }))).toEqual({
      passed: 1,
      failed: 1,
      skipped: [],
    });
  });
});

describe('toClosingLine', () => {
  it('adds the tiers up', () => {
    const sum = addTallies([
      { passed: 3, failed: 0, skipped: ['a'] },
      { passed: 2, failed: 1, skipped: [] },
    ]);
    expect(toClosingLine(sum)).toBe('5 passed, 1 failed, 1 skipped');
  });
});
