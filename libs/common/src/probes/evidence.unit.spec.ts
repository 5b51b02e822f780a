import { describe, expect, it } from '@jest/globals';
import { conclude, EVIDENCE_LIMIT, EvidenceLog } from './evidence.js';

const logOf = (count: number): EvidenceLog => {
  const log = new EvidenceLog();
  for (let index = 0; index < count; index += 1) log.add({ subject: `t${index}`, problem: 'differs' });
  return log;
};

describe('conclude', () => {
  it('passes without problems, fails with one, stays open with an open question', () => {
    expect(conclude({ looked: '3 tables' })).toEqual({
      verdict: 'passed',
      summary: '3 tables; no difference',
      evidence: [],
    });
    expect(conclude({ looked: '3 tables', problems: logOf(1), unclear: logOf(1) }).verdict).toBe('failed');
    expect(conclude({ looked: '3 tables', unclear: logOf(1) }).verdict).toBe('inconclusive');
  });

  it('counts all problems and keeps the first', () => {
    const { summary, evidence } = conclude({ looked: '900 tables', problems: logOf(812) });
    expect(summary).toBe(`900 tables; 812 problems, the first ${EVIDENCE_LIMIT} are listed`);
    expect(evidence.map(({ subject }) => subject).slice(0, 2)).toEqual(['t0', 't1']);
    expect(evidence).toHaveLength(EVIDENCE_LIMIT);
  });

  it('shows the beginning of what is too long', () => {
    const log = new EvidenceLog();
    log.add({ subject: 'browse', actual: Array.from({ length: 5_000 }, () => 'product'), problem: 'differs' });
    const [shown] = conclude({ looked: '1 request', problems: log }).evidence;
    expect(shown?.actual).toMatch(/^\["product","product",.*… \(50001 characters\)$/);
  });

  it('adds up what another log counted', () => {
    const log = logOf(15);
    log.include(logOf(100));
    expect([log.total, log.kept.length]).toEqual([115, EVIDENCE_LIMIT]);
  });
});
