import { describe, expect, it } from '@jest/globals';
import type { PolicyFacts } from '#common/contracts/snapshot-facts.js';
import { comparePolicies } from './compare-policies.js';
import { normalizeExpression } from './policy-meaning.js';

const policy: PolicyFacts = {
  ...{ name: 'own', command: 'ALL', permissive: true, roles: ['app', 'reader'] },
  ...{ using: `(tenant = current_setting('app.tenant'::text))`, check: null },
};

const compare = (actual: Partial<PolicyFacts>, expected: Partial<PolicyFacts> = {}): string[] =>
  comparePolicies('shop.orders', [{ ...policy, ...expected }], [{ ...policy, ...actual }]).map(
    ({ subject, problem }) => `${subject}: ${problem}`,
  );

describe('normalizeExpression', () => {
  it.each([
    ['(a = 1)', 'a = 1'],
    ['((a = 1))', 'a = 1'],
    ['(a) = (b)', '(a) = (b)'],
    ['( a  =\n 1 )', 'a = 1'],
    [`((name = 'a  (b'))`, `name = 'a  (b'`],
    ['("odd  (name" = 1)', '"odd  (name" = 1'],
    ['(true)', 'true'],
  ])('%j becomes %j', (text, normal) => {
    expect(normalizeExpression(text)).toBe(normal);
  });
});

describe('comparePolicies', () => {
  it('calls equal what means the same', () => {
    expect(compare({ name: 'renamed' })).toEqual([]);
    expect(compare({ roles: ['reader', 'app'] })).toEqual([]);
    expect(compare({ check: policy.using })).toEqual([]);
    expect(compare({ using: `tenant  = current_setting('app.tenant'::text)` })).toEqual([]);
  });

  it('names each change', () => {
    expect(compare({ command: 'SELECT' })).toContain('shop.orders policy own: the command differs');
    expect(compare({ permissive: false })).toEqual(['shop.orders policy own: the kind differs']);
    expect(compare({ roles: ['public'] })).toEqual(['shop.orders policy own: the role list differs']);
    expect(compare({ using: '(tenant IS NOT NULL)' })).toEqual([
      'shop.orders policy own: the USING expression differs',
    ]);
    expect(compare({ check: '(tenant IS NOT NULL)' })).toEqual([
      'shop.orders policy own: the WITH CHECK expression differs',
    ]);
  });

  it('names a loosened policy for what it is', () => {
    expect(compare({ using: 'true' })).toEqual([
      'shop.orders policy own: was loosened to USING (true): every row is visible to app, reader',
    ]);
    expect(compare({ check: '(true)' })).toEqual([
      'shop.orders policy own: was loosened to WITH CHECK (true): app, reader can write rows of every tenant',
    ]);
  });

  it('tells a text in quotes from an expression', () => {
    expect(compare({ using: `(a = 'x  y')` }, { using: `(a = 'x y')` })).toHaveLength(1);
  });

  it('pairs policies of one meaning once only', () => {
    const twice = [policy, { ...policy, name: 'again' }];
    expect(comparePolicies('t', twice, [policy]).map(({ problem }) => problem)).toEqual(['the policy is missing']);
    expect(comparePolicies('t', [policy], twice)).toHaveLength(1);
  });
});
