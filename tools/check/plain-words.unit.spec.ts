import { describe, expect, it } from '@jest/globals';
import { findHiddenActors, isReadForWords } from './plain-words.js';

describe('plain words', () => {
  it.each([
    ['// Whoever renews it notices.', 'Whoever'],
    ['* A table that somebody truncates.', 'somebody'],
    ["throw new Error('someone holds it')", 'someone'],
    ['/** The holder is told by its signal. */', 'is told'],
    ['// Everything that it needs, at hand.', 'at hand'],
    ['/** The run and its fact, in one transaction. */', 'its fact'],
  ])('name the actor: %s', (line, found) => {
    expect(findHiddenActors('libs/a.ts', `const a = 1;\n${line}`)).toMatchObject([{ line: 2, found }]);
  });

  it('leave facts to snapshots, and telling to those who tell', () => {
    const text = '/** The facts of a snapshot tell how many rows there were; a table in fact has them. */';
    expect(findHiddenActors('libs/a.ts', text)).toEqual([]);
  });

  it.each([
    ...['libs/common/src/bus/a.ts', 'apps/cli/src/a.int.spec.ts', 'libs/common/src/testing/a.ts', 'test/faults/a.ts'],
    ...[
      'tools/reversals/reversals.yaml',
      'tools/bootstrap.mjs',
      'docs/design/ordering.md',
      'docs/how-to/a.md',
      'README.md',
    ],
  ])('are asked of everything that a reader opens: %s', (path) => {
    expect(isReadForWords(path)).toBe(true);
  });

  it.each(['docs/decisions/0001-a.md', 'docs/reference/a.json', 'package-lock.json', 'tools/check/plain-words.ts'])(
    'are not asked of a decision, of what is generated, nor of their own list: %s',
    (path) => {
      expect(isReadForWords(path)).toBe(false);
    },
  );
});
