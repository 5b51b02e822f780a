import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { expect, it } from '@jest/globals';
import { PARENT_MARK, toParentMark } from '#common/process/parent-mark.js';
import { sweepSocketFolders } from './scratch-server.js';

it('removes socket folders whose starters are dead, and nameless ones when they are old, and nothing else', async () => {
  const make = async (prefix = 'holdfast-pg-'): Promise<string> => mkdtemp(join(tmpdir(), prefix));
  const mark = toParentMark()[PARENT_MARK] ?? '';
  // The same number, started at another time: another process had it.
  const [pid, , namespace] = mark.split(':');
  const [dead, alive, young, old, other] = [await make(), await make(), await make(), await make(), await make('pg-')];
  await writeFile(join(dead, 'starter'), `${pid}:1:${namespace}`);
  await writeFile(join(alive, 'starter'), mark);
  const then = new Date(Date.now() - 2 * 3_600_000);
  await utimes(old, then, then);
  const removed = await sweepSocketFolders();
  expect(removed).toEqual(expect.arrayContaining([dead, old]));
  const left = await readdir(tmpdir());
  for (const folder of [alive, young, other]) expect(left).toContain(basename(folder));
  for (const folder of [dead, old]) expect(left).not.toContain(basename(folder));
  for (const folder of [alive, young, other]) await rm(folder, { recursive: true });
});
