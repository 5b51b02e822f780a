import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { manifestKey, sharingKey } from '#common/repository/layout.js';
import { findBackup } from '#common/repository/read-backups.js';
import { readStorageClock } from '#common/repository/storage-clock.js';
import { ContentTestBed, makeEncryption } from '#common/testing/content-test-bed.js';
import { eachSealedStorage, eachStorage, listKeys } from '#common/testing/each-storage.js';
import { dyingBefore, Killed, observing, ScriptedRepository } from '#common/testing/scripted-repository.js';
import { treeOf } from '#common/testing/tree-engine.js';
import { CONTENT_SWEEP_EVERY_MS, sweepContent } from './sweep-content.js';

const { signal } = new AbortController();

describe.each(eachSealedStorage)(
  'shared objects that nothing needs on $storage, encrypted: $isEncrypted',
  ({ open, isEncrypted }) => {
    let bed: ContentTestBed;
    beforeEach(async () => {
      // No identity: who deletes has none.
      const { identity: _, ...encryption } = await makeEncryption();
      bed = await ContentTestBed.make(open, isEncrypted ? encryption : undefined);
    });
    afterEach(() => bed.dispose());

    it('go when the last backup that refers to them is gone, and others stay', async () => {
      const first = await bed.back(treeOf({ a: 'one', b: 'two', c: 'three' }));
      const second = await bed.back(treeOf({ a: 'one', b: 'two changed' }));
      expect(await bed.sweep()).toMatchObject({ state: 'swept', removed: 0 });
      await bed.expire(first);
      expect(await bed.sweep()).toMatchObject({ state: 'swept', removed: 2 });
      expect(await bed.contents()).toHaveLength(2);
      await bed.expire(second);
      expect(await bed.sweep()).toMatchObject({ state: 'swept', removed: 2 });
      expect([await bed.contents(), await bed.leftovers()]).toEqual([[], []]);
      expect(await bed.sweep()).toMatchObject({ state: 'unused' });
    });
  },
);

describe.each(eachStorage)('a sweep of shared objects on %s', (_, open) => {
  let bed: ContentTestBed;
  beforeEach(async () => {
    bed = await ContentTestBed.make(open);
  });
  afterEach(() => bed.dispose());

  it('deletes nothing that is younger than a day by the storage’s clock', async () => {
    await bed.expire(await bed.back(treeOf({ a: 'one' })));
    const o = { dataset: 'media', isDue: true, workDirectory: bed.folder };
    expect(await sweepContent(bed.repository, o, signal)).toMatchObject({ state: 'swept', removed: 0 });
    expect(await bed.contents()).toHaveLength(1);
  });

  it('looks once a day, or at once when something was deleted', async () => {
    await bed.expire(await bed.back(treeOf({ a: 'one' })));
    const sweep = (isDue: boolean, everyMs = CONTENT_SWEEP_EVERY_MS) =>
      sweepContent(bed.repository, { dataset: 'media', isDue, everyMs, youngMs: -3_600_000 }, signal);
    const o = { dataset: 'media', isDue: false };
    expect(await sweepContent(bed.repository, o, signal)).toMatchObject({ state: 'swept', removed: 0 });
    expect(await sweep(false)).toMatchObject({ state: 'waiting' });
    expect(await sweep(false, 0)).toMatchObject({ state: 'swept', removed: 1 });
    await bed.expire(await bed.back(treeOf({ a: 'one' })));
    expect(await sweep(true)).toMatchObject({ state: 'swept', removed: 1 });
  });

  it('keeps what an attempt on its way has written and what it relies on', async () => {
    const files = { a: 'one', b: 'two' };
    const parent = await bed.back(treeOf({ a: 'one' }));
    const onListed = async () => {
      expect(await bed.sweep()).toMatchObject({ state: 'swept', removed: 0 });
      expect(await bed.contents()).toHaveLength(2);
    };
    const manifest = await bed.back(treeOf(files, { onListed }));
    await bed.expire(parent);
    await bed.sweep();
    expect(await bed.restore(manifest)).toEqual(files);
  });

  it('deletes nothing while an attempt relies on a backup that is gone: its hold had lapsed, and it goes on all the same', async () => {
    const files = { a: 'one', b: 'two' };
    const parent = await bed.back(treeOf({ a: 'one', c: 'three' }));
    const onListed = async () => {
      await bed.expire(parent);
      const why = expect.stringContaining(`relies on backup ${parent.backupId}, which is gone`);
      expect(await bed.sweep()).toMatchObject({ state: 'blocked', why });
      expect(await bed.contents()).toHaveLength(3);
    };
    const manifest = await bed.back(treeOf(files, { onListed }));
    expect(await bed.sweep()).toMatchObject({ state: 'swept', removed: 1 });
    expect(await bed.restore(manifest)).toEqual(files);
  });

  it('that froze before its first deletion takes nothing from a backup that stored the same content meanwhile', async () => {
    await bed.expire(await bed.back(treeOf({ a: 'one', b: 'two' })));
    const again = Promise.withResolvers<Awaited<ReturnType<typeof bed.back>>>();
    let hasThawed = false;
    const frozen = new ScriptedRepository(
      bed.repository,
      observing(async ({ kind, key }) => {
        if (kind !== 'remove' || !key.includes('/content/') || hasThawed) return;
        hasThawed = true;
        again.resolve(await bed.back(treeOf({ a: 'one', b: 'two' })));
      }),
    );
    expect(await bed.sweep(frozen)).toMatchObject({ state: 'swept', removed: 2 });
    expect(await bed.restore(await again.promise)).toEqual({ a: 'one', b: 'two' });
  });

  it('leaves all to the next when an attempt began or ended while it read', async () => {
    await bed.expire(await bed.back(treeOf({ a: 'one' })));
    let made: Awaited<ReturnType<typeof bed.back>> | undefined;
    const busy = new ScriptedRepository(bed.repository, {
      list: async function* (list, prefix, o) {
        yield* list(prefix, o);
        if (prefix === 'media/content') made ??= await bed.back(treeOf({ b: 'two' }));
      },
    });
    expect(await bed.sweep(busy)).toMatchObject({ state: 'waiting', why: expect.stringContaining('meanwhile') });
    expect(await bed.sweep()).toMatchObject({ state: 'swept', removed: 1 });
    expect(made && (await bed.restore(made))).toEqual({ b: 'two' });
  });

  it('deletes nothing while references cannot be read, and names them', async () => {
    await bed.expire(await bed.back(treeOf({ a: 'one' })));
    const manifest = await bed.back(treeOf({ b: 'two' }));
    const references = manifest.objects.find(({ name }) => name.startsWith('references'))?.key ?? '';
    const size = (await bed.repository.stat(references, { signal }))?.sizeBytes ?? 0;
    for (const damage of [Buffer.alloc(size), undefined]) {
      if (damage === undefined) await bed.repository.remove(references, { signal });
      else await bed.repository.put(references, damage, { signal });
      const why = expect.stringContaining(manifest.attemptKey);
      expect(await bed.sweep()).toMatchObject({ state: 'blocked', why });
    }
    await bed.repository.put(manifestKey(manifest.attemptKey), Buffer.from('{}'), { signal });
    expect(await bed.sweep()).toMatchObject({ state: 'blocked' });
    expect(await bed.contents()).toHaveLength(2);
  });

  it('is finished by the next one, wherever it was killed', async () => {
    const kept = await bed.back(treeOf({ k: 'kept' }));
    for (let change = 1; ; change += 1) {
      await bed.expire(await bed.back(treeOf({ k: 'kept', a: `a${change}`, b: `b${change}`, c: `c${change}` })));
      const killed = await bed
        .sweep(new ScriptedRepository(bed.repository, dyingBefore(change)))
        .catch((error: unknown) => error);
      await bed.sweep();
      expect(await bed.contents()).toHaveLength(1);
      if (!(killed instanceof Killed)) break;
    }
    expect(await bed.restore(kept)).toEqual({ k: 'kept' });
    await readStorageClock(bed.repository, 'media', { signal });
  });

  it('makes no backup of an attempt that was swept and writes its manifest late', async () => {
    const files = { a: 'one' };
    const onListed = async () => {
      const keys = await listKeys(bed.repository, 'media');
      for (const key of keys.filter((each) => each.endsWith('/shared.json')))
        await bed.repository.remove(key, { signal });
      expect(await bed.sweep()).toMatchObject({ state: 'swept', removed: 1 });
    };
    const { dataset, backupId, attemptKey } = await bed.back(treeOf(files, { onListed }));
    expect(await bed.repository.stat(sharingKey(attemptKey), { signal })).toBeUndefined();
    expect(await findBackup(bed.repository, dataset, backupId, { signal })).toBeUndefined();
  });
});
