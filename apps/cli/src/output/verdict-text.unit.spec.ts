import { expect, it } from '@jest/globals';
import { toVerdictResult } from './verdict-text.js';

it('says how many problems of a probe it leaves to --json', () => {
  const evidence = Array.from({ length: 7 }, (_, at) => ({ subject: `document ${at}`, problem: 'is missing' }));
  const common = { verdict: 'failed', summary: '', durationMs: 1 } as const;
  const probes = [
    { probe: 'search', evidence, ...common },
    { probe: 'sql', evidence: evidence.slice(0, 5), ...common },
  ];
  const { text } = toVerdictResult({ verdict: 'failed', verdictKey: null, probes });
  expect(text).toContain('  search: document 4: is missing\n  search: 2 more, listed by --json\n');
  expect(text).not.toContain('sql: 0 more');
});
