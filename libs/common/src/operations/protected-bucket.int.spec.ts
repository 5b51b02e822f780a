import { setTimeout as sleep } from 'node:timers/promises';
import { PutObjectLockConfigurationCommand, PutObjectRetentionCommand } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { BackupRepository } from '#common/repository/backup-repository.js';
import { askForDeletion, readDeletion } from '#common/repository/deletion-request.js';
import { listHolds, placeHold, releaseHold, renewHold } from '#common/repository/holds.js';
import { initialiseRepository } from '#common/repository/initialise-repository.js';
import { manifestKey } from '#common/repository/layout.js';
import { findBackup } from '#common/repository/read-backups.js';
import { readStorageClock } from '#common/repository/storage-clock.js';
import { BackupTestBed } from '#common/testing/backup-test-bed.js';
import { listKeysOf } from '#common/testing/each-storage.js';
import { ProtectedBed, type ProtectedBedOptions, type Statement } from '#common/testing/protected-bed.js';
import { ScratchDatabase } from '#common/testing/scratch-database.js';
import { ScriptedRepository } from '#common/testing/scripted-repository.js';
import { backupIdAt, storeBackup } from '#common/testing/stored-backup.js';
import { expireBackup } from './expire-backup.js';
import { sweepAttempts } from './sweep-attempts.js';
import { sweepProbes } from './sweep-probes.js';
import { takeBackup } from './take-backup.js';

const { signal } = new AbortController();
const dataset = 'shop';
const old = { deadAfterMs: -60_000 };
const leftovers: (() => Promise<void>)[] = [];
let scratch: ScratchDatabase;
let local: BackupTestBed;

beforeAll(async () => {
  scratch = await ScratchDatabase.create('postgres18', 'CREATE TABLE items (id int)');
  local = await BackupTestBed.create();
});
afterAll(async () => {
  await scratch?.drop();
  await local?.remove();
});
afterEach(async () => {
  for (const dispose of leftovers.splice(0).reverse()) await dispose();
});

async function makeBed(o: ProtectedBedOptions) {
  const bed = await ProtectedBed.make(o);
  leftovers.push(() => bed.dispose());
  const open = (repository: BackupRepository): BackupRepository => {
    leftovers.push(() => repository.close());
    return repository;
  };
  return { bed, open, writing: open(bed.openWriting()), deleting: open(bed.openDeleting()) };
}

const expire = (repository: BackupRepository, backupId: string, onDeleting = async () => true) =>
  expireBackup({ dataset, backupId, reasons: [] }, { repository, graceMs: 0, onDeleting }, signal);

const take = (repository: BackupRepository) =>
  takeBackup(local.attempt({ ...scratch.dataset(), name: dataset }), local.deps({ repository }), signal);

describe.each(['one', 'versions'] as const)('in a bucket that keeps %s, the credential that only writes', (keeps) => {
  const denied = keeps === 'one' ? 'repository.delete-denied' : 'repository.versions-denied';

  it('makes, holds and finds backups, and leaves nothing of what is short-lived', async () => {
    const { bed, writing } = await makeBed({ keeps });
    const manifest = await take(writing);
    const { backupId } = manifest;
    const hold = { dataset, backupId, name: 'audit', reason: '', by: 'spec', livesMs: null };
    await placeHold(writing, hold, { signal });
    await renewHold(writing, hold, { signal });
    await releaseHold(writing, hold, { signal });
    await readStorageClock(writing, dataset, { signal });
    expect(await writing.traits({ signal })).toMatchObject({ conditionalPut: true, versioning: keeps === 'versions' });
    expect(await findBackup(writing, dataset, backupId, { signal })).toEqual(manifest);
    const keys = [...manifest.objects.map(({ key }) => key), manifestKey(manifest.attemptKey)];
    expect(await bed.s3.listVersions()).toEqual([...keys, 'repository.json'].sort());
  });

  it('can neither delete a backup nor mark one, and the catalog hears nothing', async () => {
    const { writing } = await makeBed({ keeps });
    const { backupId, attemptKey } = await storeBackup(writing, 1);
    const refusal = { code: denied, hint: expect.stringContaining('protect-backups-from-deletion.md') };
    await expect(writing.remove(manifestKey(attemptKey), { signal })).rejects.toMatchObject(refusal);
    const before = await listKeysOf(writing, dataset);
    let calls = 0;
    const onDeleting = async () => ++calls > 0;
    await expect(expire(writing, backupId, onDeleting)).rejects.toMatchObject(refusal);
    expect([calls, await listKeysOf(writing, dataset)]).toEqual([0, before]);
  });

  it('cannot ask for a deletion, which the other one can', async () => {
    const { writing, deleting } = await makeBed({ keeps });
    const backup = { dataset, backupId: backupIdAt(1) };
    const request = { by: 'spec', evenLastGood: true, signal };
    await expect(askForDeletion(writing, backup, request)).rejects.toMatchObject({ code: 'repository.denied' });
    expect(await readDeletion(writing, backup, { signal })).toBeNull();
    await askForDeletion(deleting, backup, request);
    expect(await readDeletion(writing, backup, { signal })).toMatchObject({ by: 'spec' });
  });

  it('leaves what a failed attempt wrote to the sweep, and says why the attempt failed', async () => {
    const { bed, writing, deleting } = await makeBed({ keeps });
    const failing = new ScriptedRepository(writing, {
      put: (put, key, body, o) =>
        key.includes('globals') ? Promise.reject(new Error('out of luck')) : put(key, body, o),
    });
    await expect(take(failing)).rejects.toThrow('out of luck');
    expect(await bed.s3.listVersions()).toEqual(['repository.json', expect.stringMatching(/database[.]dump[.]zst$/)]);
    await expect(sweepAttempts(writing, { dataset, ...old }, signal)).rejects.toMatchObject({ code: denied });
    expect((await sweepAttempts(deleting, { dataset, ...old }, signal)).swept).toHaveLength(1);
    await sweepAttempts(deleting, { dataset, ...old }, signal);
    expect(await bed.s3.listVersions()).toEqual(['repository.json']);
  });
});

describe('a deletion in a bucket that keeps versions', () => {
  it('leaves no version and no delete marker, also of what was written twice or hidden', async () => {
    const { bed, deleting } = await makeBed({ keeps: 'versions' });
    await initialiseRepository(deleting, { signal });
    const { backupId, objects } = await storeBackup(deleting, 1);
    await storeBackup(deleting, 1);
    const [first = { key: '' }] = objects;
    await bed.s3.hide(first.key.replace('a1-aa', 'a9-gone'));
    let freedBytes = 0;
    const onRemoved = ({ sizeBytes }: { sizeBytes: number | null }) => {
      freedBytes += sizeBytes ?? Number.NaN;
    };
    const deps = { repository: deleting, graceMs: 0, onRemoved };
    expect(await expireBackup({ dataset, backupId, reasons: [] }, deps, signal)).toBe('marked');
    expect(await expireBackup({ dataset, backupId, reasons: [] }, deps, signal)).toBe('deleted');
    expect(await bed.s3.listVersions()).toEqual(['repository.json']);
    expect(freedBytes).toBeGreaterThan(4 * 4);
  });

  it('hides nothing, and marks nothing, where the right for versions is missing', async () => {
    const changePolicy = (all: Statement[]) =>
      all.map((one) => ({ ...one, Action: one.Action.filter((action) => action !== 's3:DeleteObjectVersion') }));
    const { bed, deleting } = await makeBed({ keeps: 'versions', changePolicy });
    const { backupId, attemptKey } = await storeBackup(deleting, 1);
    const before = await bed.s3.listVersions();
    const code = 'repository.versions-denied';
    const hint = expect.stringContaining('s3:DeleteObjectVersion');
    await expect(expire(deleting, backupId)).rejects.toMatchObject({ code, hint });
    await expect(deleting.remove(manifestKey(attemptKey), { signal })).rejects.toMatchObject({ code });
    // What the clock was read from is hidden: that much the policy allows.
    expect((await bed.s3.listVersions()).filter((key) => !key.startsWith('_control/'))).toEqual(before);
  });
});

describe('a bucket that locks', () => {
  const lockFor = (regularMs: number) => ({
    mode: 'governance' as const,
    periods: { [dataset]: { regularMs, safetyMs: regularMs } },
  });

  it('keeps a backup whole and unmarked for the period of its dataset, and then lets all of it go', async () => {
    const { bed, open } = await makeBed({ keeps: 'locked versions' });
    const repository = open(bed.openDeleting({ lock: lockFor(12_000) }));
    const begunAt = Date.now();
    const manifest = await take(repository);
    const { backupId } = manifest;
    for (const key of [...manifest.objects.map((object) => object.key), manifestKey(manifest.attemptKey)]) {
      const lockedUntil = (await repository.stat(key, { signal }))?.lockedUntil?.getTime() ?? 0;
      expect([lockedUntil >= begunAt + 11_000, lockedUntil <= Date.now() + 12_000]).toEqual([true, true]);
    }
    const message = expect.stringMatching(/stays whole: .* is locked until /);
    await expect(expire(repository, backupId)).rejects.toMatchObject({ code: 'repository.locked', message });
    expect((await listKeysOf(repository, dataset)).filter((key) => key.startsWith('_control'))).toEqual([]);
    expect(await findBackup(repository, dataset, backupId, { signal })).toEqual(manifest);
    await sleep(Math.max(0, begunAt + 13_000 - Date.now()));
    expect([await expire(repository, backupId), await expire(repository, backupId)]).toEqual(['marked', 'deleted']);
    expect(await bed.s3.listVersions()).toEqual(['repository.json']);
  });

  it('keeps a backup whole that was locked after it was marked', async () => {
    const { bed, open } = await makeBed({ keeps: 'locked versions' });
    const repository = open(bed.openDeleting({ lock: lockFor(60_000) }));
    const { backupId, objects } = await storeBackup(repository, 1);
    expect(await expire(repository, backupId)).toBe('marked');
    await repository.extendRetention(objects[1]?.key ?? '', new Date(Date.now() + 60_000), { signal });
    let calls = 0;
    const onDeleting = async () => ++calls > 0;
    await expect(expire(repository, backupId, onDeleting)).rejects.toMatchObject({ code: 'repository.locked' });
    expect([calls, await findBackup(repository, dataset, backupId, { signal })]).toEqual([0, expect.anything()]);
  });

  it('says so when it was made without object lock', async () => {
    const { bed, open } = await makeBed({ keeps: 'versions' });
    const error = await take(open(bed.openDeleting({ lock: lockFor(60_000) }))).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'repository.lock-missing', hint: expect.stringContaining('object lock') });
  });

  it('does not catch what is short-lived by its default retention', async () => {
    const { bed, deleting } = await makeBed({ keeps: 'locked versions' });
    const { client, bucket: Bucket } = bed.s3;
    const Rule = { DefaultRetention: { Mode: 'GOVERNANCE' as const, Days: 30 } };
    const ObjectLockConfiguration = { ObjectLockEnabled: 'Enabled' as const, Rule };
    await client.send(new PutObjectLockConfigurationCommand({ Bucket, ObjectLockConfiguration }));
    const hold = { dataset, backupId: backupIdAt(1), name: 'audit', reason: '', by: 'spec', livesMs: null };
    await placeHold(deleting, hold, { signal });
    const [key = ''] = await listKeysOf(deleting, dataset);
    const until = (await deleting.stat(key, { signal }))?.lockedUntil?.getTime() ?? 0;
    expect([until > Date.now(), until < Date.now() + 90_000]).toEqual([true, true]);
    await releaseHold(deleting, hold, { signal });
    expect(await listHolds(deleting, hold, { signal })).toEqual([]);
    expect(await bed.s3.listVersions()).toContain(key);
    expect(await sweepProbes(deleting, old, signal)).toBe(0);
    // As though the minute were over.
    const Retention = { Mode: 'GOVERNANCE' as const, RetainUntilDate: new Date(Date.now() + 1_500) };
    const [version] = await bed.s3.versionsOf(key);
    const place = { Bucket, Key: `some/prefix/${key}`, VersionId: version };
    await client.send(new PutObjectRetentionCommand({ ...place, Retention, BypassGovernanceRetention: true }));
    await sleep(2_500);
    expect(await sweepProbes(deleting, old, signal)).toBe(2);
    expect(await bed.s3.listVersions()).toEqual([]);
  });
});
