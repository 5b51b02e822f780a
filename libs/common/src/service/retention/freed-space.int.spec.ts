import type { IncomingMessage } from 'node:http';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Manifest } from '#common/contracts/manifest.js';
import type { BackupRepository } from '#common/repository/backup-repository.js';
import { expiringKey } from '#common/repository/layout.js';
import { listKeys } from '#common/testing/each-storage.js';
import { ProtectedBed } from '#common/testing/protected-bed.js';
import { RetentionTestBed } from '#common/testing/retention-test-bed.js';
import { S3Bed } from '#common/testing/s3-bed.js';
import { startS3Proxy } from '#common/testing/s3-proxy.js';
import { storeBackup } from '#common/testing/stored-backup.js';
import { endpoints } from '#tools/services/endpoints.js';
import { applyRetention } from './apply-retention.js';
import { deleteBackup, previewDeletion } from './delete-backup.js';

const { signal } = new AbortController();
const MARK = Buffer.from(JSON.stringify({ formatVersion: 1, graceMs: 0, reasons: [] }));
const request = { by: 'operator', evenLastGood: true };
const leftovers: (() => Promise<void>)[] = [];
let bed: RetentionTestBed;

beforeAll(async () => {
  bed = await RetentionTestBed.open();
});
beforeEach(() => bed.begin());
afterEach(async () => {
  for (const dispose of leftovers.splice(0).reverse()) await dispose();
  await bed.end();
});
afterAll(() => bed?.close());

const named = ({ backupId }: Manifest) => ({ dataset: 'shop', backupId });
const endGrace = (storage: BackupRepository, { backupId }: Manifest) =>
  storage.put(expiringKey('shop', backupId), MARK, { signal });

async function makeVersioned() {
  const place = await ProtectedBed.make({ keeps: 'versions' });
  const [writing, deleting] = [place.openWriting(), place.openDeleting()];
  leftovers.push(
    () => place.dispose(),
    () => writing.close(),
    () => deleting.close(),
  );
  return { place, writing, deleting };
}

describe('in a bucket that keeps versions, and of two credentials', () => {
  it('a sweep frees the space of all versions and says how much, and one without the right says that it cannot', async () => {
    const { place, writing, deleting } = await makeVersioned();
    const deps = (storage: BackupRepository) => ({ ...bed.deps({ storage }), catalog: undefined });
    const old = await storeBackup(writing, 1, { snapshotAt: '2026-01-01T00:00:00Z' });
    await storeBackup(writing, 2, { snapshotAt: new Date(Date.now() - 60_000).toISOString() });
    const code = 'repository.versions-denied';
    await expect(applyRetention('shop', deps(writing), signal)).rejects.toMatchObject({ code });
    expect(await applyRetention('shop', deps(deleting), signal)).toMatchObject({ isSpaceFreed: null, freedBytes: 0 });
    await endGrace(writing, old);
    await expect(applyRetention('shop', deps(writing), signal)).rejects.toMatchObject({ code });
    const swept = await applyRetention('shop', deps(deleting), signal);
    expect(swept).toMatchObject({ backups: [{ outcome: 'deleted' }], isSpaceFreed: true });
    expect(swept.freedBytes).toBeGreaterThan(8);
    expect((await place.s3.listVersions()).filter((key) => key.includes(old.backupId))).toEqual([]);
  });

  it('a deletion is refused before anything is asked, audited or marked, and its preview says why', async () => {
    const { place, writing, deleting } = await makeVersioned();
    const old = await storeBackup(writing, 1);
    const before = await listKeys(writing);
    const refused = deleteBackup(named(old), request, bed.deps({ storage: writing }), signal);
    await expect(refused).rejects.toMatchObject({ code: 'repository.versions-denied' });
    const preview = await previewDeletion(named(old), request, bed.deps({ storage: writing }), signal);
    expect(preview.refusals).toEqual([expect.stringMatching(/^out of reach here: .* may not delete /)]);
    expect(await listKeys(writing)).toEqual(before);
    expect(await bed.bed.catalog.transaction((tx) => tx.audit.list({ subject: old.backupId }))).toEqual([]);
    const deps = bed.deps({ storage: deleting });
    expect(await deleteBackup(named(old), request, deps, signal)).toMatchObject({ outcome: 'marked' });
    await endGrace(writing, old);
    const done = await deleteBackup(named(old), request, deps, signal);
    expect(done).toMatchObject({ outcome: 'deleted', freed: { isFreed: true, sizeBytes: expect.any(Number) } });
    expect((await place.s3.listVersions()).filter((key) => key.includes(old.backupId))).toEqual([]);
  });
});

/** It may not be asked whether it keeps versions. */
async function makeSilent(o: { objectLock?: boolean } = {}) {
  const s3 = await S3Bed.make(o);
  const denied = { status: 403, body: '<Error><Code>AccessDenied</Code><Message>no</Message></Error>' };
  const isQuestion = ({ method, url = '' }: IncomingMessage): boolean => method === 'GET' && /[?&]versioning/.test(url);
  const proxy = await startS3Proxy(endpoints.s3, { answer: (asked) => (isQuestion(asked) ? denied : undefined) });
  const storage = s3.open({ endpoint: proxy.endpoint });
  leftovers.push(
    () => s3.dispose(),
    () => proxy.stop(),
    () => storage.close(),
  );
  return { s3, storage };
}

it('a deletion from a bucket whose versioning may not be asked for says that the storage does not say whether space was freed', async () => {
  const { storage } = await makeSilent();
  const old = await storeBackup(storage, 1);
  expect(await previewDeletion(named(old), request, bed.deps({ storage }), signal)).toMatchObject({ freesSpace: null });
  expect(await storage.traits({ signal })).toMatchObject({ versioning: null });
  expect(await storage.remove(old.objects[0]?.key ?? '', { signal })).toMatchObject({ isFreed: null });
});

it('versions that the storage does not speak of are seen by their ids, and removed', async () => {
  const { s3, storage } = await makeSilent({ objectLock: true });
  expect(await storage.traits({ signal })).toMatchObject({ versioning: true });
  for (const body of ['one', 'three']) await storage.put('shop/object', Buffer.from(body), { signal });
  expect(await storage.remove('shop/object', { signal })).toEqual({ isFreed: true, sizeBytes: 8 });
  expect(await s3.listVersions()).toEqual([]);
});
