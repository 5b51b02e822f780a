import { describe, expect, it } from '@jest/globals';
import type { Definition } from '#common/contracts/definition.js';
import { compareDefinitions } from './compare-definitions.js';

const nothing = () => false;
const columns = (...names: string[]) => names.map((name) => ({ name, is: { type: 'integer' } }));
const table = (identity: string, names: string[], is: Definition['is'] = {}): Definition => ({
  ...{ kind: 'table', identity, is },
  columns: columns(...names),
});
const told = (before: Definition[], after: Definition[]) => {
  const { existence, form, notes } = compareDefinitions(before, after, nothing);
  return { told: [...existence, ...form].map(({ subject, problem }) => `${subject}: ${problem}`), notes };
};

describe('the order of columns', () => {
  const parents = [table('s.a', ['x']), table('s.b', ['y'])];
  const inherits = { parents: 's.a\ns.b' };

  it('of a table that inherits is what its parents make of it, which is a note and fails nothing', () => {
    const { told: problems, notes } = told(
      [...parents, table('s.c', ['y', 'own', 'x'], inherits)],
      [...parents, table('s.c', ['x', 'y', 'own'], inherits)],
    );
    expect(problems).toEqual([]);
    expect(notes).toEqual(['table s.c has its inherited columns first: pg_dump does not carry their order']);
  });

  it('of a table that inherits is a difference where its parents do not explain it', () => {
    const restored = table('s.c', ['y', 'x', 'own'], inherits);
    expect(told([...parents, table('s.c', ['y', 'own', 'x'], inherits)], [...parents, restored]).told).toEqual([
      'table s.c: the order of columns differs',
    ]);
  });

  it.each([
    ['any other table', {}],
    ['a partition', { parents: 's.a', 'partition bound': 'DEFAULT' }],
  ])('of %s is a difference', (_, is) => {
    expect(told([...parents, table('s.c', ['y', 'x'], is)], [...parents, table('s.c', ['x', 'y'], is)]).told).toEqual([
      'table s.c: the order of columns differs',
    ]);
  });
});

describe('a missing table', () => {
  const index: Definition = { kind: 'index', identity: 's.a_pkey', of: 's.a', is: { definition: 'CREATE INDEX' } };

  it('says it for what belongs to it', () => {
    expect(told([table('s.a', ['x']), index], []).told).toEqual(['table s.a: is missing']);
    expect(told([table('s.a', ['x']), index], [table('s.a', ['x'])]).told).toEqual(['index s.a_pkey: is missing']);
  });
});

describe('a subscription that no restore creates', () => {
  it('is a note', () => {
    const subscription: Definition = { kind: 'subscription', identity: 'mirror', is: {} };
    expect(told([subscription], [])).toEqual({
      told: [],
      notes: ['subscription mirror is left out: no restore creates subscriptions'],
    });
  });
});
