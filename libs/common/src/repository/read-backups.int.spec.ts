import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Manifest } from '#common/contracts/manifest.js';
import { toUuidV7 } from '#common/domain/ids.js';
import { manifestArbitrary } from '#common/testing/manifest-arbitrary.js';
import type { BackupRepository } from './backup-repository.js';
import { attemptPrefix, manifestKey, sweptKey } from './layout.js';
import { encodeManifest } from './manifest-codec.js';
import { openRepository } from './open-repository.js';
import { findBackup, listBackups, loadLatestBackup } from './read-backups.js';

const signal = new AbortController().signal;
const [sample] = fc.sample(manifestArbitrary(), { numRuns: 1, seed: 7 }) as [Manifest];
const idAt = (minute: number) => toUuidV7(new Date(Date.UTC(2026, 10, 21, 10, minute)), Buffer.alloc(10, minute));
const body = Buffer.from('dump');

describe('reading backups', () => {
  let root: string;
  let repository: BackupRepository;

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'holdfast-read-backups-'));
    repository = openRepository({ name: 'disk', url: pathToFileURL(root).href });
  });
  afterEach(() => rm(root, { recursive: true }));

  const put = (key: string, bytes: Uint8Array) => repository.put(key, bytes, { signal });

  /** A whole backup, as an attempt writes it. */
  async function write(minute: number, changed: Partial<Manifest> = {}, nonce = 'aa'): Promise<Manifest> {
    const { attempt = 1, dataset = 'shop' } = changed;
    const backupId = idAt(minute);
    const attemptKey = attemptPrefix(dataset, backupId, attempt, nonce);
    const object = { name: 'database.dump', key: `${attemptKey}/database.dump`, sizeBytes: 4 };
    const objects = [{ ...object, sha256: 'a'.repeat(64), compression: 'none' as const }];
    const manifest: Manifest = {
      ...sample,
      purpose: 'regular',
      dataset,
      backupId,
      attempt,
      attemptKey,
      objects,
      ...changed,
    };
    await put(object.key, body);
    await put(manifestKey(attemptKey), encodeManifest(manifest));
    return manifest;
  }

  const idsOf = async (dataset = 'shop') => {
    const ids: string[] = [];
    for await (const { backupId } of listBackups(repository, dataset, { signal })) ids.push(backupId);
    return ids;
  };

  it('lists every whole backup of one dataset, oldest first', async () => {
    await write(3);
    await write(1);
    await write(2, { purpose: 'safety' });
    await write(4, { dataset: 'shop2' });
    await put(`shop/${idAt(1)}/verdicts/2026-11-21T10:00:00.000Z-x.json`, body);
    await put('shop/content/ab/abcdef', body);
    await put('shop/wal/1/2/3', body);
    expect(await idsOf()).toEqual([idAt(1), idAt(2), idAt(3)]);
    expect(await idsOf('nothing')).toEqual([]);
  });

  it('finds one backup as it was written', async () => {
    const written = await write(1);
    expect(await findBackup(repository, 'shop', idAt(1), { signal })).toEqual(written);
    expect(await findBackup(repository, 'shop', idAt(2), { signal })).toBeUndefined();
  });

  it('sees no backup without a manifest, with a swept marker, with an object absent or of another size', async () => {
    const noManifest = await write(1);
    await repository.remove(manifestKey(noManifest.attemptKey), { signal });
    const swept = await write(2);
    await put(sweptKey(swept.attemptKey), Buffer.alloc(0));
    const hole = await write(3);
    await repository.remove(`${hole.attemptKey}/database.dump`, { signal });
    const short = await write(4);
    await put(`${short.attemptKey}/database.dump`, body.subarray(1));
    expect(await idsOf()).toEqual([]);
    expect(await findBackup(repository, 'shop', idAt(3), { signal })).toBeUndefined();
    await expect(loadLatestBackup(repository, 'shop', { signal })).rejects.toMatchObject({ code: 'backup.missing' });
  });

  it('checks objects that backups share, too', async () => {
    const shared = { name: 'x', key: 'shop/content/ab/abcdef', sizeBytes: 4, sha256: 'b'.repeat(64) };
    await write(1, { objects: [{ ...shared, compression: 'none' }] });
    expect(await idsOf()).toEqual([]);
    await put(shared.key, body);
    expect(await idsOf()).toEqual([idAt(1)]);
  });

  it('takes the latest attempt that is whole', async () => {
    await write(1, { attempt: 2 }, 'zz');
    const third = await write(1, { attempt: 10 }, 'aa');
    const unfinished = await write(1, { attempt: 11 });
    await put(sweptKey(unfinished.attemptKey), Buffer.alloc(0));
    expect(await findBackup(repository, 'shop', idAt(1), { signal })).toEqual(third);
    expect(await idsOf()).toEqual([idAt(1)]);
  });

  it('loads the newest regular backup, whatever safety dumps came after', async () => {
    await write(1);
    const newest = await write(2);
    await write(3, { purpose: 'safety' });
    expect(await loadLatestBackup(repository, 'shop', { signal })).toEqual(newest);
  });

  it('never passes over a manifest that it cannot read', async () => {
    await write(1);
    const damaged = await write(2);
    await put(manifestKey(damaged.attemptKey), Buffer.from('{"formatVersion": 1,'));
    const corrupt = { code: 'backup.corrupt' };
    await expect(loadLatestBackup(repository, 'shop', { signal })).rejects.toMatchObject(corrupt);
    await expect(findBackup(repository, 'shop', idAt(2), { signal })).rejects.toMatchObject(corrupt);
    const told: unknown[] = [];
    const onUnreadable = (key: string, error: unknown) => told.push([key, error]);
    const ids: string[] = [];
    for await (const { backupId } of listBackups(repository, 'shop', { signal, onUnreadable })) ids.push(backupId);
    expect(ids).toEqual([idAt(1)]);
    expect(told).toEqual([[manifestKey(damaged.attemptKey), expect.objectContaining(corrupt)]]);
  });

  it('believes no manifest that was copied from elsewhere', async () => {
    const original = await write(1);
    const copyKey = manifestKey(attemptPrefix('shop', idAt(2), 1, 'aa'));
    await put(copyKey, encodeManifest(original));
    await expect(findBackup(repository, 'shop', idAt(2), { signal })).rejects.toMatchObject({ code: 'backup.corrupt' });
    expect(await idsOf()).toEqual([idAt(1)]);
  });
});
