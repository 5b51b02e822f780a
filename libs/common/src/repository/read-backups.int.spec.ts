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
import { inspectListed } from './inspect-backup.js';
import { attemptPrefix, manifestKey, sweptKey, verdictKey } from './layout.js';
import { listByBackup } from './list-by-backup.js';
import { loadBackup, loadLatestBackup } from './load-backup.js';
import { encodeManifest } from './manifest-codec.js';
import { openRepository } from './open-repository.js';
import { findBackup } from './read-backups.js';

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
    const objects = [{ ...object, sha256: 'a'.repeat(64), compression: 'none' as const, encryption: 'none' as const }];
    const manifest: Manifest = {
      ...sample,
      ...{ purpose: 'regular', method: 'dump', needs: [] },
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

  const latest = (method = 'dump') => loadLatestBackup(repository, { dataset: 'shop', method }, { signal });

  const idsOf = async (dataset = 'shop') => {
    const ids: string[] = [];
    for await (const [backupId, objects] of listByBackup(repository, dataset, { signal })) {
      const { manifest, damage } = await inspectListed(repository, { dataset, backupId, objects }, { signal });
      if (manifest !== undefined && damage === undefined) ids.push(backupId);
    }
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
    await expect(loadBackup(repository, 'shop', idAt(2), { signal })).rejects.toMatchObject({ code: 'backup.missing' });
  });

  it('tells one state of a backup that lost or shortened an object, with the object', async () => {
    const hole = await write(1);
    await repository.remove(`${hole.attemptKey}/database.dump`, { signal });
    await expect(loadBackup(repository, 'shop', idAt(1), { signal })).rejects.toMatchObject({
      code: 'backup.damaged',
      message: `backup ${idAt(1)} of shop is damaged: database.dump: is missing`,
    });
    const short = await write(2);
    await put(`${short.attemptKey}/database.dump`, body.subarray(1));
    await expect(latest()).rejects.toMatchObject({
      code: 'backup.damaged',
      context: { backupId: idAt(2), damage: [{ object: 'database.dump', problem: 'has 3 bytes instead of 4' }] },
      hint: expect.stringContaining('There is no good one'),
    });
  });

  it('believes the storage about an object that a listing leaves out', async () => {
    const written = await write(1);
    const short = new Proxy(repository, {
      get: (of, name) => {
        if (name !== 'list') return Reflect.get(of, name, of);
        return async function* (...args: Parameters<BackupRepository['list']>) {
          for await (const object of of.list(...args)) if (!object.key.endsWith('.dump')) yield object;
        };
      },
    });
    expect(await loadBackup(short, 'shop', idAt(1), { signal })).toEqual(written);
  });

  it('takes no backup for the latest whose own objects failed a proof, and names the newest good one', async () => {
    await write(1);
    const flipped = await write(2);
    await write(3, { purpose: 'safety' });
    const verdict = (second: number, probe: string, of: 'passed' | 'failed', attemptKey?: string) => {
      const at = `2026-11-21T11:00:0${second}.000Z`;
      const document = {
        ...{
          formatVersion: 1,
          dataset: 'shop',
          backupId: idAt(2),
          runId: `r${second}`,
          destination: 'x',
          profile: 'p',
        },
        ...{ verdict: of, startedAt: at, completedAt: at, attemptKey: attemptKey ?? flipped.attemptKey },
        probes: [{ probe, verdict: of, evidence: [{ subject: 'database.dump', problem: 'the content differs' }] }],
      };
      return put(verdictKey('shop', idAt(2), at, `r${second}`), Buffer.from(JSON.stringify(document)));
    };
    await verdict(1, 'row-counts', 'failed');
    await verdict(2, 'checksums', 'failed', 'shop/other/a1-aa');
    expect(await latest()).toMatchObject({ backupId: idAt(2) });
    await verdict(3, 'checksums', 'failed');
    await expect(latest()).rejects.toMatchObject({
      code: 'backup.damaged',
      message: expect.stringContaining(`backup ${idAt(2)} of shop is damaged: database.dump: the content differs`),
      hint: expect.stringContaining(`The newest good one is ${idAt(1)}`),
    });
    expect(await loadBackup(repository, 'shop', idAt(2), { signal })).toEqual(flipped);
    await verdict(4, 'checksums', 'passed');
    expect(await latest()).toMatchObject({ backupId: idAt(2) });
  });

  it('checks objects that backups share, too', async () => {
    const shared = { name: 'x', key: 'shop/content/ab/abcdef', sizeBytes: 4, sha256: 'b'.repeat(64) };
    await write(1, { objects: [{ ...shared, compression: 'none', encryption: 'none' }] });
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

  it('loads the newest of one method, and names the methods that there are where it has none', async () => {
    const dump = await write(1);
    const base = await write(2, { method: 'base' });
    expect(await latest()).toEqual(dump);
    expect(await latest('base')).toEqual(base);
    await expect(latest('wal')).rejects.toMatchObject({
      code: 'backup.missing',
      message: expect.stringMatching(/no backup by wal in .*, but by base, dump$/),
      hint: expect.stringContaining('shop@latest:base'),
    });
    await repository.remove(`${base.attemptKey}/database.dump`, { signal });
    expect(await latest()).toEqual(dump);
    await expect(latest('base')).rejects.toMatchObject({ code: 'backup.damaged' });
  });

  it('takes one whose manifest cannot be read for the newest of each method: it may be', async () => {
    await write(1);
    const unreadable = await write(2, { method: 'base' });
    await put(manifestKey(unreadable.attemptKey), Buffer.from('{'));
    for (const method of ['dump', 'base'])
      await expect(latest(method)).rejects.toMatchObject({ code: 'backup.damaged' });
  });

  it('loads nothing that builds on a backup that is damaged or gone, however far down', async () => {
    const full = await write(1);
    await write(2, { needs: [idAt(1)] });
    const end = await write(3, { needs: [idAt(2)] });
    expect(await loadBackup(repository, 'shop', idAt(3), { signal })).toEqual(end);
    await repository.remove(`${full.attemptKey}/database.dump`, { signal });
    const broken = {
      code: 'backup.damaged',
      context: { backupId: idAt(3), damage: [{ object: `backup ${idAt(1)}` }] },
    };
    await expect(loadBackup(repository, 'shop', idAt(3), { signal })).rejects.toMatchObject(broken);
    await expect(latest()).rejects.toMatchObject(broken);
    await repository.remove(manifestKey(full.attemptKey), { signal });
    await expect(loadBackup(repository, 'shop', idAt(2), { signal })).rejects.toMatchObject({
      message: expect.stringContaining(`backup ${idAt(1)}: is missing`),
    });
  });

  it('loads the newest regular backup, whatever safety dumps came after', async () => {
    await write(1);
    const newest = await write(2);
    await write(3, { purpose: 'safety' });
    expect(await latest()).toEqual(newest);
  });

  it('never passes over a manifest that it cannot read', async () => {
    await write(1);
    const damaged = await write(2);
    await put(manifestKey(damaged.attemptKey), Buffer.from('{"formatVersion": 1,'));
    const lost = { code: 'backup.damaged', context: { damage: [{ object: 'manifest.json' }] } };
    await expect(latest()).rejects.toMatchObject(lost);
    await expect(loadBackup(repository, 'shop', idAt(2), { signal })).rejects.toMatchObject(lost);
    await expect(findBackup(repository, 'shop', idAt(2), { signal })).rejects.toMatchObject({ code: 'backup.corrupt' });
    expect(await idsOf()).toEqual([idAt(1)]);
  });

  it('believes no manifest that was copied from elsewhere', async () => {
    const original = await write(1);
    const copyKey = manifestKey(attemptPrefix('shop', idAt(2), 1, 'aa'));
    await put(copyKey, encodeManifest(original));
    await expect(findBackup(repository, 'shop', idAt(2), { signal })).rejects.toMatchObject({ code: 'backup.corrupt' });
    expect(await idsOf()).toEqual([idAt(1)]);
  });
});
