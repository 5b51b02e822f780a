import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { readFaultRows, toFaultTable } from './fault-table.js';

const row = (fault: string, step: string, outcome: string, recoverySeconds: number | null) => ({
  ...{ fault, step, outcome, recoverySeconds },
});

it('gathers what several processes reported, by fault and kind of work, each in its order', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-rows-'));
  const second = row('killed', 'backup: second', 'held', 2);
  const first = row('killed', 'backup: a first', 'held', 1);
  const other = row('cut', 'backup: before', 'held', null);
  await writeFile(join(folder, '1.jsonl'), `${JSON.stringify(second)}\n${JSON.stringify(first)}\n`);
  await writeFile(join(folder, '2.jsonl'), `${JSON.stringify(other)}\n`);
  expect(await readFaultRows(folder)).toEqual([other, second, first]);
  await rm(folder, { recursive: true });
});

it('says per case what came of it, how long it took, and sums up', () => {
  const rows = [row('killed', 'backup: before', 'held', 4.25), row('killed', 'backup: after', 'two backups', null)];
  expect(toFaultTable(rows).split('\n')).toEqual([
    'fault   step            outcome      recovery',
    'killed  backup: before  held         4.3 s',
    'killed  backup: after   two backups  –',
    '1 of 2 held; recovery 4.3 s in the middle, 4.3 s at most',
  ]);
});

it('is nothing when nothing was reported', () => {
  expect(toFaultTable([])).toBe('');
});
