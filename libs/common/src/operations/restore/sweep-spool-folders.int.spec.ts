import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { sweepSpoolFolders } from '#common/operations/restore/sweep-spool-folders.js';

let parent: string;
beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'holdfast-spec-'));
});
afterAll(() => rm(parent, { recursive: true }));

async function newFolder(runId: string, days = 0): Promise<string> {
  const name = `holdfast-restore-${runId}-a1-x7Qz2k`;
  await mkdir(join(parent, name));
  await writeFile(join(parent, name, 'database.dump'), 'dump');
  const at = new Date(Date.now() - days * 86_400_000);
  await utimes(join(parent, name), at, at);
  return name;
}

describe('the sweep of spool folders', () => {
  it('removes those of runs that are over, and of unknown ones when they are old, and nothing else', async () => {
    const [over, open] = [randomUUID(), randomUUID()];
    const gone = [await newFolder(over), await newFolder(randomUUID(), 8)];
    const kept = [await newFolder(open, 30), await newFolder(randomUUID(), 1), 'holdfast-restore-notes'];
    await mkdir(join(parent, 'holdfast-restore-notes'));
    const stateOf = async (runId: string) => (runId === over ? 'over' : runId === open ? 'open' : 'unknown');
    expect((await sweepSpoolFolders(parent, { stateOf })).sort()).toEqual(gone.sort());
    expect((await readdir(parent)).sort()).toEqual(kept.sort());
    expect(await sweepSpoolFolders(join(parent, 'nowhere'), { stateOf })).toEqual([]);
  });
});
