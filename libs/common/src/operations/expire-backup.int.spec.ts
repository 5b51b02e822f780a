import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { BackupRepository } from '#common/repository/backup-repository.js';
import { placeHold, releaseHold } from '#common/repository/holds.js';
import { attemptPrefix, expiringKey, manifestKey, sweptKey, verdictKey } from '#common/repository/layout.js';
import { findBackup } from '#common/repository/read-backups.js';
import { readStorageClock } from '#common/repository/storage-clock.js';
import { eachStorage, listKeysOf, type StorageBed } from '#common/testing/each-storage.js';
import {
  dyingBefore,
  Killed,
  observing,
  type Script,
  ScriptedRepository,
} from '#common/testing/scripted-repository.js';
import { storeBackup } from '#common/testing/stored-backup.js';
import { expireBackup } from './expire-backup.js';
import { listRetained } from './list-retained.js';

const signal = new AbortController().signal;
const reasons = ['older than 30d'];
const hold = { name: 'audit', reason: 'asked for', by: 'spec', livesMs: null };

/** Storage whose clock is an hour behind ours. */
const slowClock: Script = {
  stat: async (stat, key, o) => {
    const found = await stat(key, o);
    return found && { ...found, modifiedAt: new Date(found.modifiedAt.getTime() - 3_600_000) };
  },
};

describe.each(eachStorage)('a backup that expires on %s', (_, open) => {
  let bed: StorageBed;
  let minute = 0;

  beforeAll(async () => {
    bed = await open();
  });
  afterAll(() => bed.dispose());

  /** A backup in a dataset of its own, so that specs do not see each other. */
  async function newBackup() {
    minute += 1;
    const dataset = `shop-${minute}`;
    const manifest = await storeBackup(bed.repository, minute, { dataset });
    const { backupId } = manifest;
    const expire = (o: { graceMs?: number; repository?: BackupRepository; onDeleting?: () => Promise<boolean> } = {}) =>
      expireBackup({ dataset, backupId, reasons }, { repository: bed.repository, graceMs: 0, ...o }, signal);
    const find = () => findBackup(bed.repository, dataset, backupId, { signal });
    return { dataset, backupId, manifest, expire, find, held: { ...hold, dataset, backupId } };
  }

  it('is marked first, waits for its grace, and is deleted with everything that is beside it', async () => {
    const { dataset, backupId, expire, find } = await newBackup();
    await bed.repository.put(verdictKey(dataset, backupId, '2026-11-21T10:00:00.000Z', 'x'), Buffer.from('{}'), {
      signal,
    });
    expect(await expire({ graceMs: 3_600_000 })).toBe('marked');
    expect(await expire()).toBe('waiting');
    expect(await find()).toBeDefined();
    await bed.repository.remove(expiringKey(dataset, backupId), { signal });
    expect([await expire(), await expire()]).toEqual(['marked', 'deleted']);
    expect(await listKeysOf(bed.repository, dataset)).toEqual([]);
  });

  it('waits by the storage’s clock, whatever ours says', async () => {
    const { dataset, backupId, find } = await newBackup();
    const slow = new ScriptedRepository(bed.repository, slowClock);
    const expire = (graceMs?: number) =>
      expireBackup({ dataset, backupId, reasons }, { repository: slow, ...(graceMs && { graceMs }) }, signal);
    expect([await expire(1_800_000), await expire()]).toEqual(['marked', 'waiting']);
    expect(await find()).toBeDefined();
  });

  it('is neither marked nor deleted while a hold is alive', async () => {
    const { expire, held, find, dataset, backupId } = await newBackup();
    await placeHold(bed.repository, held, { signal });
    expect(await expire()).toBe('held');
    await releaseHold(bed.repository, held, { signal });
    expect(await expire({ graceMs: 60_000 })).toBe('marked');
    // Within the grace a hold saves it, and the mark goes.
    await placeHold(bed.repository, held, { signal });
    await rewriteMark(dataset, backupId);
    expect(await expire()).toBe('held');
    expect(await listKeysOf(bed.repository, dataset)).not.toContain(expiringKey(dataset, backupId));
    expect(await find()).toBeDefined();
  });

  /** As if the grace had passed meanwhile. */
  async function rewriteMark(dataset: string, backupId: string): Promise<void> {
    const mark = Buffer.from(JSON.stringify({ formatVersion: 1, graceMs: 0, reasons }));
    await bed.repository.put(expiringKey(dataset, backupId), mark, { signal });
  }

  it('takes no hold any more once its grace is over', async () => {
    const { expire, held, dataset } = await newBackup();
    await expire();
    await expect(placeHold(bed.repository, held, { signal })).rejects.toMatchObject({ code: 'backup.expiring' });
    expect((await listKeysOf(bed.repository, dataset)).some((key) => key.includes('/holds/'))).toBe(false);
    expect(await expire()).toBe('deleted');
  });

  it('is saved by no hold that was placed while the mark was written', async () => {
    const { dataset, backupId, held } = await newBackup();
    const marking = new ScriptedRepository(
      bed.repository,
      observing(async ({ kind }) => {
        if (kind === 'put') await rewriteMark(dataset, backupId);
      }),
    );
    await expect(placeHold(marking, held, { signal })).rejects.toMatchObject({ code: 'backup.expiring' });
    expect((await listKeysOf(bed.repository, dataset)).some((key) => key.includes('/holds/'))).toBe(false);
  });

  it('is deleted though a dead hold lies beside it', async () => {
    const { expire, held, dataset } = await newBackup();
    const placed = await placeHold(bed.repository, { ...held, livesMs: 1 }, { signal });
    const isDead = async () =>
      (await readStorageClock(bed.repository, dataset, { signal })).getTime() > placed.placedAt.getTime() + 2_000;
    while (!(await isDead())) await sleep(200);
    expect([await expire(), await expire()]).toEqual(['marked', 'deleted']);
    expect(await listKeysOf(bed.repository, dataset)).toEqual([]);
  });

  it('stays when the catalog knows of a run that works with it', async () => {
    const { expire, find } = await newBackup();
    const onDeleting = async () => false;
    expect([await expire(), await expire({ onDeleting })]).toEqual(['marked', 'held']);
    expect(await find()).toBeDefined();
  });

  /** As after one short listing, or an object that really vanished. */
  async function newDamaged() {
    const backup = await newBackup();
    await backup.expire({ graceMs: 60_000 });
    await placeHold(bed.repository, backup.held, { signal });
    await bed.repository.remove(backup.manifest.objects[1]?.key ?? '', { signal });
    return { ...backup, keys: () => listKeysOf(bed.repository, backup.dataset) };
  }

  it('deletes nothing that is held, also when it is damaged', async () => {
    const { dataset, backupId, expire, keys } = await newDamaged();
    const before = await keys();
    expect(await expire()).toBe('damaged');
    await rewriteMark(dataset, backupId);
    expect([await expire(), await keys()]).toEqual(['damaged', before]);
    const { halfDeleted, damaged } = await listRetained(bed.repository, dataset, signal);
    expect({ halfDeleted, damaged }).toMatchObject({ halfDeleted: [], damaged: [{ backupId }] });
  });

  it.each(['lost an object', 'lost its manifest to bit rot'])(
    'goes all the same when the catalog has its expiry and it has %s',
    async (how) => {
      const { dataset, backupId, manifest } = await newBackup();
      const expire = (evenDamaged: boolean) =>
        expireBackup({ dataset, backupId, reasons, evenDamaged }, { repository: bed.repository, graceMs: 0 }, signal);
      await expire(true);
      if (how === 'lost an object') await bed.repository.remove(manifest.objects[0]?.key ?? '', { signal });
      else await bed.repository.put(manifestKey(manifest.attemptKey), Buffer.from('{'), { signal });
      expect([await expire(false), await expire(true)]).toEqual(['damaged', 'deleted']);
      expect(await listKeysOf(bed.repository, dataset)).toEqual([]);
    },
  );

  it('takes the marker of a dead attempt for no sign that its deletion has begun', async () => {
    const { dataset, backupId, expire, keys } = await newDamaged();
    await bed.repository.put(sweptKey(attemptPrefix(dataset, backupId, 2, 'dd')), Buffer.alloc(0), { signal });
    await rewriteMark(dataset, backupId);
    const before = await keys();
    expect([await expire(), await keys()]).toEqual(['damaged', before]);
  });

  it('is not gone on with when the catalog says no, though its deletion has begun', async () => {
    const { dataset, manifest, expire } = await newBackup();
    await expire();
    await bed.repository.put(sweptKey(manifest.attemptKey), Buffer.alloc(0), { signal });
    const before = await listKeysOf(bed.repository, dataset);
    expect(await expire({ onDeleting: async () => false })).toBe('held');
    expect(await listKeysOf(bed.repository, dataset)).toEqual(before);
    expect([await expire(), await listKeysOf(bed.repository, dataset)]).toEqual(['deleted', []]);
  });

  it('goes in the order catalog, markers, manifests, objects, markers, mark', async () => {
    const { dataset, backupId, manifest, expire } = await newBackup();
    await storeBackup(bed.repository, minute, { dataset, attempt: 2 });
    await expire();
    const changes: string[] = [];
    const repository = new ScriptedRepository(
      bed.repository,
      observing(({ kind, key }) => {
        if (kind !== 'stored') changes.push(`${kind} ${key.split(`${dataset}/${backupId}/`)[1]}`);
      }),
    );
    const onDeleting = async () => changes.push('catalog') > 0;
    await expire({ repository, onDeleting });
    const of = (name: string) => ['a1-aa', 'a2-aa'].map((attempt) => `${attempt}/${name}`);
    const objects = manifest.objects.flatMap(({ name }) => of(name));
    // What reads the storage's clock leaves no trace below the backup.
    const own = changes.slice(changes.indexOf('catalog'));
    expect([...own.slice(0, 5), ...own.slice(5, 9).sort(), ...own.slice(9)]).toEqual([
      'catalog',
      ...of('swept').map((key) => `put ${key}`),
      ...of('manifest.json').map((key) => `remove ${key}`),
      ...objects.map((key) => `remove ${key}`).sort(),
      ...of('swept').map((key) => `remove ${key}`),
      'remove expiring.json',
    ]);
  });

  it('is whole or none wherever its deletion is killed, and the next sweep finishes', async () => {
    const seen: string[] = [];
    for (let diesBefore = 3; ; diesBefore += 1) {
      const { dataset, expire, find, manifest } = await newBackup();
      await expire();
      let catalogRow = 'completed';
      const onDeleting = async () => {
        catalogRow = 'expired';
        return true;
      };
      const repository = new ScriptedRepository(bed.repository, dyingBefore(diesBefore));
      const outcome = await expire({ repository, onDeleting }).catch((error) => {
        if (error instanceof Killed) return 'killed';
        throw error;
      });
      const left = await find();
      if (left !== undefined) expect(left).toEqual(manifest);
      else expect(catalogRow).toBe('expired');
      seen.push(`${left === undefined ? 'none' : 'whole'}, catalog ${catalogRow}`);
      expect(await expire({ onDeleting })).toBe(outcome === 'killed' ? 'deleted' : 'marked');
      if (outcome === 'killed') expect(await listKeysOf(bed.repository, dataset)).toEqual([]);
      if (outcome !== 'killed') break;
    }
    expect(seen).toContain('whole, catalog expired');
    expect(seen.filter((state) => state.startsWith('none')).length).toBeGreaterThan(4);
  });
});
