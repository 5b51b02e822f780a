import { afterEach, expect, it, jest } from '@jest/globals';
import { groups, runCommandLine } from './command-line.js';
import { verbs } from './verbs.js';

afterEach(() => {
  jest.restoreAllMocks();
});

it('says of every group of verbs what it is for', () => {
  const first = new Set(verbs.flatMap(({ path }) => (path.length === 2 ? [path[0]] : [])));
  expect([...first].sort()).toEqual(Object.keys(groups).sort());
});

it.each(verbs.map(({ path }) => path.join(' ')))('shows examples under %s --help', async (path) => {
  let said = '';
  jest.spyOn(process.stdout, 'write').mockImplementation((text) => {
    said += String(text);
    return true;
  });
  const argv = ['node', 'holdfast', ...path.split(' '), '--help'];
  expect(await runCommandLine(argv, new AbortController().signal)).toBe(0);
  expect(said).toMatch(new RegExp(`Examples:\n  \\$ holdfast ${path}`));
  expect(said).toContain('--json');
});
