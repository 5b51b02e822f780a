import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { placeHold } from '#common/repository/holds.js';
import { attemptPrefix, manifestKey, sweptKey } from '#common/repository/layout.js';
import { encodeManifest } from '#common/repository/manifest-codec.js';
import { findBackup } from '#common/repository/read-backups.js';
import { eachStorage, listKeysOf, type StorageBed } from '#common/testing/each-storage.js';
import { dyingBefore, Killed, observing, ScriptedRepository } from '#common/testing/scripted-repository.js';
import { backupIdAt, storeBackup } from '#common/testing/stored-backup.js';
import { unfinishedBody } from '#common/testing/unfinished-body.js';
import { sweepAttempts } from './sweep-attempts.js';

const signal = new AbortController().signal;
/** Everything that is there counts as old: instants of the storage may lie a second behind. */
const deadAfterMs = -60_000;

describe.each(eachStorage)('the sweep of dead attempts on %s', (_, open) => {
  let bed: StorageBed;
  let minute = 0;

  beforeAll(async () => {
    bed = await open();
  });
  afterAll(() => bed.dispose());

  /** What an attempt leaves that died before its manifest. */
  async function newDeadAttempt() {
    minute += 1;
    const dataset = `shop-${minute}`;
    const backupId = backupIdAt(minute);
    const attemptKey = attemptPrefix(dataset, backupId, 1, 'dd');
    for (const name of ['database.dump', 'globals.sql'])
      await bed.repository.put(`${attemptKey}/${name}`, Buffer.from('dump'), { signal });
    const sweep = (o: Partial<Parameters<typeof sweepAttempts>[1]> = {}, repository = bed.repository) =>
      sweepAttempts(repository, { dataset, deadAfterMs, ...o }, signal);
    return { dataset, backupId, attemptKey, sweep, keys: () => listKeysOf(bed.repository, dataset) };
  }

  it('leaves a marker in place of the objects, and takes the marker in its turn', async () => {
    const { attemptKey, sweep, keys } = await newDeadAttempt();
    expect(await sweep()).toEqual({ swept: [attemptKey], unfinished: 0 });
    expect(await keys()).toEqual([sweptKey(attemptKey)]);
    expect(await sweep()).toEqual({ swept: [], unfinished: 0 });
    expect(await keys()).toEqual([]);
  });

  it('touches nothing young, protected or held, and no backup', async () => {
    const { dataset, backupId, sweep, keys } = await newDeadAttempt();
    await storeBackup(bed.repository, minute, { dataset, attempt: 2 });
    const before = await keys();
    await sweep({ deadAfterMs: 3_600_000 });
    await sweep({ isProtected: (attempt) => attempt.backupId === backupId });
    expect(await keys()).toEqual(before);
    const hold = { dataset, backupId, name: 'a1', reason: '', by: 'spec', livesMs: 3_600_000 };
    await placeHold(bed.repository, hold, { signal });
    expect((await sweep()).swept).toEqual([]);
    expect(await keys()).toEqual(expect.arrayContaining(before));
  });

  it('takes a live hold on what is no backup yet for a writer, and removes holds that are long dead', async () => {
    const { dataset, backupId, attemptKey, sweep, keys } = await newDeadAttempt();
    const body = unfinishedBody(20 << 20, () => undefined);
    const begun = Promise.withResolvers<number>();
    const o = { signal, onProgress: begun.resolve };
    const writing = bed.repository.put(`${attemptKey}/huge.dump`, body, o).catch(() => 'ended');
    await begun.promise;
    const hold = { dataset, backupId, name: 'backup-elsewhere', reason: '', by: 'spec', livesMs: 3_600_000 };
    await placeHold(bed.repository, hold, { signal });
    const old = { uploadDeadAfterMs: -60_000 };
    expect(await sweep(old)).toEqual({ swept: [], unfinished: 0 });

    await placeHold(bed.repository, { ...hold, livesMs: 1 }, { signal });
    // By the whole seconds of the storage it may live for two more.
    let unfinished = 0;
    while ((await keys()).length > 0) unfinished += (await sweep({ ...old, deadAfterMs: 0 })).unfinished;
    expect(unfinished).toBe(1);
    body.destroy();
    expect(await writing).toBe('ended');
  });

  it('keeps the whole attempt of a backup whose earlier attempt is dead', async () => {
    const { dataset, backupId, attemptKey, sweep } = await newDeadAttempt();
    const manifest = await storeBackup(bed.repository, minute, { dataset, attempt: 2 });
    expect((await sweep()).swept).toEqual([attemptKey]);
    expect(await findBackup(bed.repository, dataset, backupId, { signal })).toEqual(manifest);
  });

  it('lets a frozen attempt that thaws make nothing', async () => {
    const { dataset, backupId, attemptKey, sweep, keys } = await newDeadAttempt();
    await sweep();
    const elsewhere = await storeBackup(bed.repository, 59, { dataset });
    const late = { ...elsewhere, backupId, attemptKey };
    await bed.repository.put(manifestKey(attemptKey), encodeManifest(late), { signal });
    expect(await findBackup(bed.repository, dataset, backupId, { signal })).toBeUndefined();
    await sweep();
    expect((await keys()).filter((key) => key.includes(attemptKey))).toEqual([sweptKey(attemptKey)]);
  });

  it('keeps all of an attempt whose manifest comes just before the marker', async () => {
    const { dataset, backupId, attemptKey, sweep, keys } = await newDeadAttempt();
    const elsewhere = await storeBackup(bed.repository, 58, { dataset: `${dataset}-elsewhere` });
    const objects = elsewhere.objects.map((object) => ({ ...object, key: `${attemptKey}/${object.name}` }));
    const manifest = { ...elsewhere, dataset, backupId, attemptKey, objects };
    const thawing = new ScriptedRepository(
      bed.repository,
      observing(async ({ kind, key }) => {
        if (kind === 'put' && key === sweptKey(attemptKey))
          await bed.repository.put(manifestKey(attemptKey), encodeManifest(manifest), { signal });
      }),
    );
    expect((await sweep({}, thawing)).swept).toEqual([]);
    expect(await findBackup(bed.repository, dataset, backupId, { signal })).toEqual(manifest);
    expect(await keys()).not.toContain(sweptKey(attemptKey));
  });

  it('gives back what unfinished writes left, unless an attempt may still be writing', async () => {
    const { attemptKey, sweep } = await newDeadAttempt();
    const body = unfinishedBody(20 << 20, () => undefined);
    const begun = Promise.withResolvers<number>();
    const o = { signal, onProgress: begun.resolve };
    const writing = bed.repository.put(`${attemptKey}/huge.dump`, body, o).catch(() => 'ended');
    await begun.promise;
    const old = { uploadDeadAfterMs: -60_000, deadAfterMs: 3_600_000 };
    expect((await sweep({ deadAfterMs: 3_600_000 })).unfinished).toBe(0);
    expect((await sweep({ ...old, hasWriter: true })).unfinished).toBe(0);
    expect((await sweep(old)).unfinished).toBe(1);
    body.destroy();
    expect(await writing).toBe('ended');
  });

  it('finishes what a killed sweep has begun', async () => {
    for (let diesBefore = 3; ; diesBefore += 1) {
      const { sweep, keys } = await newDeadAttempt();
      const outcome = await sweep({}, new ScriptedRepository(bed.repository, dyingBefore(diesBefore))).catch(
        (error) => {
          if (error instanceof Killed) return 'killed';
          throw error;
        },
      );
      if (outcome !== 'killed') break;
      await sweep();
      await sweep();
      expect(await keys()).toEqual([]);
    }
  });
});
