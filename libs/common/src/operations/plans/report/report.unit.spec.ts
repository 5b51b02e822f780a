import { describe, expect, it } from '@jest/globals';
import type { JournalLine } from '../journal-line.js';
import { toRunState } from '../run-state.js';
import { toReport } from './report.js';
import { toReportHtml } from './report-html.js';

const steps = [
  { name: 'restore', use: 'restore', always: false },
  { name: 'point', use: 'restore', always: false },
  { name: 'replay', use: 'replay', always: false },
  { name: 'verify', use: 'verify', always: false },
];

const instant = (minute: number) => `2026-03-01T12:${String(minute).padStart(2, '0')}:00.000Z`;
const problem = { code: 'plan.unproven', message: 'the verdict is <failed>', hint: 'Look.', context: {} };

function linesOf(disasterAt: string | null): JournalLine[] {
  const restored = {
    dataset: 'shop',
    target: 'production',
    destination: 'shop',
    backupId: 'b1',
    snapshotAt: instant(0),
  };
  const completed = (step: string, minute: number, evidence: object): JournalLine => ({
    ...{
      type: 'step-completed',
      step,
      at: instant(minute),
      durationMs: 61_000,
      outputs: { token: 'kept-from-reports' },
    },
    evidence: evidence as Record<string, string>,
  });
  return [
    {
      ...{ type: 'begun', version: 1, at: instant(20), runId: '01987654-3210-7fff-bfff-ffffffffffff', plan: 'p' },
      ...{ instance: 'i', by: 'ann', host: 'h', holdfastVersion: '1', disasterAt, steps },
    },
    ...steps.map(({ name }): JournalLine => ({ type: 'step-started', at: instant(20), step: name, attempt: 1 })),
    completed('restore', 21, restored),
    completed('point', 22, { ...restored, dataset: 'orders', recovered: { lastCommitAt: instant(9) } }),
    completed('replay', 23, { events: 12 }),
    completed('verify', 24, { verdict: 'passed' }),
    { type: 'ended', at: instant(25), outcome: 'completed' },
  ];
}

describe('the report of a run', () => {
  it('measures from the disaster: how long it took, and what each restore lost, up to its last commit where changes were replayed', () => {
    const report = toReport(toRunState(linesOf(instant(10))));
    expect(report).toMatchObject({ outcome: 'completed', rtoSeconds: 900, rpoSeconds: 600, eventsReplayed: 12 });
    expect(report.restored.map(({ dataset, upTo, lostSeconds }) => [dataset, upTo, lostSeconds])).toEqual([
      ['shop', instant(0), 600],
      ['orders', instant(9), 60],
    ]);
    expect(report.verdicts).toEqual([{ step: 'verify', verdict: 'passed' }]);
  });

  it('measures from the beginning of the run where the instant of the disaster is not known', () => {
    expect(toReport(toRunState(linesOf(null)))).toMatchObject({ rtoSeconds: 300, rpoSeconds: 1_200 });
  });

  it('says of a run that is not over neither a time nor success, and shows why a verification failed', () => {
    const lines = linesOf(null).slice(0, -2);
    const failed: JournalLine = {
      type: 'step-failed',
      step: 'verify',
      at: instant(24),
      durationMs: 1,
      problem,
      willRetry: false,
    };
    const report = toReport(toRunState([...lines, failed]));
    expect(report).toMatchObject({
      outcome: 'open',
      rtoSeconds: null,
      verdicts: [{ step: 'verify', verdict: problem.message }],
    });
  });

  it('shows no outputs, which may hold tokens', () => {
    expect(JSON.stringify(toReport(toRunState(linesOf(null))))).not.toContain('kept-from-reports');
  });

  it('is one page that loads nothing, in which names cannot become markup', () => {
    const lines = linesOf(null).slice(0, -2);
    const failed: JournalLine = {
      type: 'step-failed',
      step: 'verify',
      at: instant(24),
      durationMs: 1,
      problem,
      willRetry: false,
    };
    const html = toReportHtml(toReport(toRunState([...lines, failed])));
    expect(html).toContain('the verdict is &lt;failed&gt;');
    expect(html).not.toMatch(/<failed>|<script|src=|href=/);
  });
});
