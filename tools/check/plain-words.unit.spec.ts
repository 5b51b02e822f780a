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

  it('are asked of what ships and of what its users read', () => {
    const paths = ['libs/common/src/bus/a.ts', 'apps/cli/src/main.ts', 'docs/how-to/a.md', 'README.md'];
    expect(paths.every(isReadForWords)).toBe(true);
    const others = ['libs/a.unit.spec.ts', 'libs/common/src/testing/a.ts', 'docs/decisions/0001-a.md', 'test/a.ts'];
    expect(others.some(isReadForWords)).toBe(false);
  });
});
