import { zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { PostgresManifest } from '#common/engines/postgres/postgres-dataset.js';
import { shopOf } from '#common/testing/restore-shop.js';
import { comparable, RestoreTestBed } from '#common/testing/restore-test-bed.js';

const flipped = (at: number) => (bytes: Buffer) => {
  const place = at < 0 ? bytes.length + at : at;
  bytes.writeUInt8(bytes.readUInt8(place) ^ 1, place);
  return bytes;
};

describe('a restore of a damaged backup', () => {
  let bed: RestoreTestBed;
  let manifest: PostgresManifest;
  beforeAll(async () => {
    bed = await RestoreTestBed.create('postgres18');
    await shopOf(bed.source);
    manifest = await bed.backup();
  });
  afterAll(() => bed.drop());

  const keyOf = (name: string): string => manifest.objects.find((object) => object.name === name)?.key ?? '';

  it.each([
    ['a byte at the start flipped', 'database.dump.zst', flipped(0), 'backup.corrupt'],
    ['a byte in the middle flipped', 'database.dump.zst', flipped(5_000), 'backup.corrupt'],
    ['a byte of its own checksum flipped', 'database.dump.zst', flipped(-1), 'backup.corrupt'],
    ['its end cut off', 'database.dump.zst', (bytes: Buffer) => bytes.subarray(0, -100), 'backup.corrupt'],
    [
      'half of it cut off',
      'database.dump.zst',
      (bytes: Buffer) => bytes.subarray(0, bytes.length / 2),
      'backup.corrupt',
    ],
    ['nothing left of it', 'database.dump.zst', () => Buffer.alloc(0), 'backup.corrupt'],
    ['a byte too many', 'database.dump.zst', (bytes: Buffer) => Buffer.concat([bytes, Buffer.of(0)]), 'backup.corrupt'],
    ['another archive in its place', 'database.dump.zst', () => zstdCompressSync('PGDMP of another'), 'backup.corrupt'],
    ['other roles in their place', 'globals.sql.zst', () => zstdCompressSync('-- no role\n'), 'backup.corrupt'],
    ['the archive gone', 'database.dump.zst', () => undefined, 'repository.object-missing'],
    ['the roles flipped', 'globals.sql.zst', flipped(30), 'backup.corrupt'],
    ['the roles gone', 'globals.sql.zst', () => undefined, 'repository.object-missing'],
  ])('with %s touches nothing, neither beside nor in place', async (_, name, change, code) => {
    const before = await bed.facts(bed.source.name);
    const repair = await bed.damage(keyOf(name), change);
    const database = bed.nameOf('damaged');
    await expect(bed.restore(bed.order(manifest, database))).rejects.toMatchObject({ code });
    const inPlace = bed.order(manifest, bed.source.name, { strategy: 'in-place' });
    const takeSafetyBackup = () => Promise.reject(new Error('not even a safety dump is needed'));
    await expect(bed.restore(inPlace, { takeSafetyBackup })).rejects.toMatchObject({ code });
    await repair();
    expect(await bed.databases(database)).toEqual([]);
    expect(comparable(await bed.facts(bed.source.name))).toEqual(comparable(before));
  });

  it('whose manifest names a file elsewhere writes nothing there', async () => {
    const [object] = manifest.objects;
    const objects = [{ ...object, name: '../../escape.zst' }] as PostgresManifest['objects'];
    const order = bed.order({ ...manifest, objects }, bed.nameOf('escape'));
    await expect(bed.restore(order)).rejects.toMatchObject({ code: 'backup.corrupt' });
  });
});
