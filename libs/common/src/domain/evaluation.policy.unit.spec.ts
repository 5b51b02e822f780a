import { describe, expect, it } from '@jest/globals';
import { decideNews, type EvaluatedPlan } from './evaluation.policy.js';

const good: EvaluatedPlan = { wouldSucceed: true, problems: [] };
const bad = (...codes: string[]): EvaluatedPlan => ({
  wouldSucceed: false,
  problems: codes.map((code) => ({ check: 'step restore', code })),
});

describe('what an evaluation tells', () => {
  it.each<[string, EvaluatedPlan | undefined, EvaluatedPlan, string | undefined]>([
    ['nothing of a plan that would succeed from the first', undefined, good, undefined],
    ['a danger at once', undefined, bad('backup.missing'), 'endangered'],
    ['a danger that is new', good, bad('backup.missing'), 'endangered'],
    ['a danger that lasts once', bad('backup.missing'), bad('backup.missing'), undefined],
    ['another danger anew', bad('backup.missing'), bad('backup.missing', 'bucket.denied'), 'endangered'],
    ['nothing of the same dangers in another order', bad('a', 'b'), bad('b', 'a'), undefined],
    ['the end of a danger', bad('backup.missing'), good, 'reassured'],
    ['nothing while all is well', good, good, undefined],
  ])('is %s', (_, before, now, news) => {
    expect(decideNews(before, now)).toBe(news);
  });
});
