import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Manifest } from '#common/contracts/manifest.js';
import { AppError } from '#common/errors/app-error.js';
import type { BackupRepository } from '#common/repository/backup-repository.js';
import { loadLatestBackup } from '#common/repository/load-backup.js';
import { BackupTestBed } from '#common/testing/backup-test-bed.js';
import { observing, ScriptedRepository } from '#common/testing/scripted-repository.js';
import { storeBackup } from '#common/testing/stored-backup.js';
import { checkBackup } from './check-backup.js';
import { listRetained } from './list-retained.js';

const { signal } = new AbortController();
let bed: BackupTestBed;
let minute = 0;
beforeAll(async () => {
  bed = await BackupTestBed.create();
});
afterAll(() => bed.remove());

async function newBackup() {
  minute += 1;
  const dataset = `shop-${minute}`;
  const manifest = await storeBackup(bed.repository, minute, { dataset });
  const check = (repository: BackupRepository = bed.repository) =>
    checkBackup({ manifest, runId: randomUUID() }, { repository, now: () => new Date() }, signal);
  const flip = (bytes: string) => bed.repository.put(manifest.objects[0]?.key ?? '', Buffer.from(bytes), { signal });
  return { dataset, manifest, check, flip };
}

const problemsOf = ({ outcomes }: Awaited<ReturnType<typeof checkBackup>>) =>
  outcomes.flatMap(({ evidence }) => evidence.flatMap(({ problem }) => problem ?? []));

const isDamaged = async ({ dataset }: Pick<Manifest, 'dataset'>) =>
  (await listRetained(bed.repository, dataset, signal)).backups[0]?.backup.isDamaged;

describe('a check of a backup', () => {
  it('proves the sums of every object without any target, and no restore', async () => {
    const { dataset, check } = await newBackup();
    expect(await check()).toMatchObject({ verdict: 'passed', outcomes: [{ probe: 'checksums' }] });
    const [retained] = (await listRetained(bed.repository, dataset, signal)).backups;
    expect(retained?.backup).toMatchObject({ isVerified: false, isDamaged: false });
  });

  it('finds one flipped byte, after which the backup is not the latest, until its bytes are back', async () => {
    const { dataset, manifest, check, flip } = await newBackup();
    await flip('dumb');
    const failed = await check();
    expect([failed.verdict, ...problemsOf(failed)]).toEqual(['failed', 'the content differs']);
    expect(await isDamaged({ dataset })).toBe(true);
    await expect(loadLatestBackup(bed.repository, { dataset, method: 'dump' }, { signal })).rejects.toMatchObject({
      code: 'backup.damaged',
    });
    await flip('dump');
    expect((await check()).verdict).toBe('passed');
    expect(await loadLatestBackup(bed.repository, { dataset, method: 'dump' }, { signal })).toEqual(manifest);
  });

  it('names an object that is gone', async () => {
    const { manifest, check } = await newBackup();
    await bed.repository.remove(manifest.objects[0]?.key ?? '', { signal });
    expect(problemsOf(await check())).toEqual(['the object is missing']);
  });

  it('holds the backup until its verdict is kept, and tells none that could not be kept', async () => {
    const { check } = await newBackup();
    const changes: string[] = [];
    const away = new ScriptedRepository(
      bed.repository,
      observing(({ kind, key }) => {
        changes.push(`${kind} ${/holds|verdicts/.exec(key)?.[0]}`);
        if (key.includes('/verdicts/')) throw new AppError('repository.unavailable', 'the storage is away');
      }),
    );
    await expect(check(away)).rejects.toMatchObject({ code: 'repository.unavailable' });
    expect(changes).toEqual(['put holds', 'stored holds', 'put verdicts', 'remove holds']);
  });
});
