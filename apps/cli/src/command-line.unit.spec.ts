import { expect, it } from '@jest/globals';
import { groups } from './command-line.js';
import { verbs } from './verbs.js';

it('says of every group of verbs what it is for', () => {
  const first = new Set(verbs.flatMap(({ path }) => (path.length === 2 ? [path[0]] : [])));
  expect([...first].sort()).toEqual(Object.keys(groups).sort());
});
