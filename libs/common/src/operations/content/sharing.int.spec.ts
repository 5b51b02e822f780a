import { randomBytes, randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Manifest } from '#common/contracts/manifest.js';
import type { SharedRef } from '#common/contracts/shared-ref.js';
import { checkBackup } from '#common/operations/check-backup.js';
import { contentKey } from '#common/repository/layout.js';
import { findBackup } from '#common/repository/read-backups.js';
import { Keyring } from '#common/sealing/keyring.js';
import { isAgeInstalled } from '#common/testing/age-program.js';
import { ContentTestBed, makeEncryption } from '#common/testing/content-test-bed.js';
import { eachSealedStorage, listKeys } from '#common/testing/each-storage.js';
import { ProtectedBed } from '#common/testing/protected-bed.js';
import { treeOf } from '#common/testing/tree-engine.js';
import { checkContent } from './check-content.js';
import { readInventory, readReferences } from './references.js';

const { signal } = new AbortController();
const large = randomBytes(3 << 20).toString('base64');

describe.each(eachSealedStorage)(
  'backups that share content on $storage, encrypted: $isEncrypted',
  ({ open, isEncrypted }) => {
    const sealedIt = !isEncrypted || isAgeInstalled ? it : it.skip;
    let bed: ContentTestBed;
    beforeEach(async () => {
      bed = await ContentTestBed.make(open, isEncrypted ? await makeEncryption() : undefined);
    });
    afterEach(() => bed.dispose());

    sealedIt('store each content once, whatever its size and name, and give all of it back', async () => {
      const first = { a: 'one', b: 'two', 'c/large': large, '': '', 'wie ü\n': 'one' };
      const manifest = await bed.back(treeOf(first));
      expect(manifest).toMatchObject({
        counts: { read: 5, kept: 0 },
        references: { count: 4 },
        inventory: { entries: 5 },
      });
      expect(await bed.contents()).toHaveLength(4);
      const second = { ...first, b: 'two changed', d: 'one', 'e/large again': large };
      const next = await bed.back(treeOf(second));
      expect(next).toMatchObject({ counts: { read: 3, kept: 4 }, references: { count: 4 }, inventory: { entries: 7 } });
      expect(await bed.contents()).toHaveLength(5);
      expect(await bed.restore(manifest)).toEqual(first);
      expect(await bed.restore(next)).toEqual(second);
      expect(await bed.leftovers()).toEqual([]);
    });

    sealedIt('exist, and pass their check, while everything that they refer to is there', async () => {
      const manifest = await bed.back(treeOf({ a: 'one', b: 'two', c: large }));
      const { dataset, backupId, references } = manifest;
      expect(await findBackup(bed.repository, dataset, backupId, { signal })).toEqual(manifest);
      const sums = { signal, withDigests: true };
      expect(await checkContent(manifest, bed.repository, sums)).toEqual({
        ...sum(references),
        damage: [],
        damaged: 0,
      });

      const [lost = '', short = '', other = ''] = await bed.contents();
      await bed.repository.remove(lost, { signal });
      await bed.repository.put(short, Buffer.from('short'), { signal });
      const size = (await bed.repository.stat(other, { signal }))?.sizeBytes ?? 0;
      await bed.repository.put(other, Buffer.alloc(size), { signal });
      const looked = await checkContent(manifest, bed.repository, { signal, withDigests: false });
      expect(looked.damage.map(({ problem }) => problem)).toEqual([
        'is missing',
        expect.stringMatching(/^has 5 bytes instead of \d+$/),
      ]);
      const read = await checkContent(manifest, bed.repository, sums);
      expect(read).toMatchObject({ damaged: 3 });
      expect(read.damage.map(({ problem }) => problem)).toContain('has other bytes than were stored');
      await expect(bed.restore(manifest)).rejects.toMatchObject({
        code: /^(backup.corrupt|repository.object-missing)$/,
      });
    });

    sealedIt('put again what the repository has lost since, and do not rely on it', async () => {
      const files = { a: 'one', b: 'two' };
      const before = await bed.back(treeOf(files));
      const [lost = ''] = await bed.contents();
      await bed.repository.remove(lost, { signal });
      const after = await bed.back(treeOf(files));
      expect(after).toMatchObject({ counts: { read: 1, kept: 1 } });
      expect(await bed.restore(after)).toEqual(files);
      expect((await checkContent(before, bed.repository, { signal, withDigests: false })).damaged).toBe(1);
    });

    sealedIt('are proven whole by a check, and do not pass on what one found to be damaged', async () => {
      const files = { a: 'one', b: 'two' };
      const before = await bed.back(treeOf(files));
      const check = () =>
        checkBackup(
          { manifest: before, runId: randomUUID() },
          { repository: bed.repository, now: () => new Date() },
          signal,
        );
      const problem = 'has other bytes than were stored';
      expect(await check()).toMatchObject({ verdict: 'passed' });
      const [bad = ''] = await bed.contents();
      const size = (await bed.repository.stat(bad, { signal }))?.sizeBytes ?? 0;
      await bed.repository.put(bad, Buffer.alloc(size), { signal });
      expect(await check()).toMatchObject({
        verdict: 'failed',
        outcomes: [{ evidence: expect.arrayContaining([expect.objectContaining({ problem })]) }],
      });
      const after = await bed.back(treeOf(files));
      expect(await bed.restore(after)).toEqual(files);
      expect(await bed.restore(await bed.back(treeOf(files)))).toEqual(files);
    });

    sealedIt('refer to nothing but what they stored themselves or have from their parent', async () => {
      const foreign = await bed.back(treeOf({ a: 'one' }));
      const strange = treeOf(
        { b: 'two' },
        { strange: { key: 'x', content: await firstContent(bed, foreign, 'f'.repeat(16)) } },
      );
      await expect(bed.back(strange)).rejects.toMatchObject({ code: 'internal.bug' });
    });

    sealedIt('that fail leave no backup, nothing in the work directory, and no hold', async () => {
      await bed.back(treeOf({ a: 'one' }));
      const broken = treeOf(
        { a: 'one', b: 'two' },
        { onListed: () => Promise.reject(new Error('the bucket vanished')) },
      );
      await expect(bed.back(broken)).rejects.toThrow('the bucket vanished');
      expect(await bed.leftovers()).toEqual([]);
      const keys = await listKeys(bed.repository);
      expect(keys.filter((key) => key.includes('/holds/'))).toEqual([]);
      expect(keys.filter((key) => key.endsWith('manifest.json'))).toHaveLength(1);
    });

    sealedIt('list their references sorted, each once, readable without an identity', async () => {
      const manifest = await bed.back(treeOf({ a: 'one', b: 'two', c: 'one' }));
      const found: string[] = [];
      for await (const { name } of readReferences(manifest, bed.repository, { signal })) found.push(name);
      expect(found.map((name) => contentKey('media', name))).toEqual(await bed.contents());
      expect(manifest.objects.map(({ name }) => name).sort()).toEqual(
        isEncrypted
          ? ['facts.json.zst.age', 'inventory.ndjson.zst.age', 'references.ndjson.zst', 'shared.json']
          : ['inventory.ndjson.zst', 'references.ndjson.zst', 'shared.json'],
      );
    });
  },
);

/** The first content of a backup, as though another attempt had written it. */
async function firstContent(bed: ContentTestBed, manifest: Manifest, mark: string): Promise<SharedRef> {
  const keyring = await Keyring.of(bed.repository);
  for await (const { content } of readInventory(manifest, bed.repository, { keyring, signal }))
    if (content !== undefined) return { ...content, name: content.name.replace(/-[0-9a-f]{16}/, `-${mark}`) };
  throw new Error('the backup holds nothing');
}

const sum = (references: { count: number; sizeBytes: number } | undefined) => ({
  count: references?.count,
  sizeBytes: references?.sizeBytes,
});

it('content is locked for as long as the newest backup that refers to it, also what an earlier one has stored', async () => {
  const place = await ProtectedBed.make({ keeps: 'locked versions' });
  const HOUR_MS = 3_600_000;
  const periods = { media: { regularMs: HOUR_MS, safetyMs: HOUR_MS } };
  const repository = place.openDeleting({ lock: { mode: 'governance', periods } });
  const dispose = async () => {
    await repository.close();
    await place.dispose();
  };
  const bed = await ContentTestBed.make(async () => ({ repository, dispose }));
  const begunAt = Date.now();
  await bed.back(treeOf({ a: 'one', b: 'two' }));
  await bed.back(treeOf({ a: 'one', c: 'three' }), { clock: () => new Date(begunAt + 2 * HOUR_MS) });
  const locks = (await bed.contents()).map(async (key) => (await repository.stat(key, { signal }))?.lockedUntil);
  const hours = (await Promise.all(locks)).map((until) => Math.round(((until?.getTime() ?? 0) - begunAt) / HOUR_MS));
  expect(hours.sort()).toEqual([1, 3, 3]);
  await bed.dispose();
});
