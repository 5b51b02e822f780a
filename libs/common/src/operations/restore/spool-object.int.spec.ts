import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ManifestObject } from '#common/contracts/manifest.js';
import { Keyring } from '#common/sealing/keyring.js';
import { BackupTestBed } from '#common/testing/backup-test-bed.js';
import { checkObject, spoolObject } from './spool-object.js';

const { signal } = new AbortController();
const keyring = Keyring.empty;
const BYTES = Buffer.from('the rows of a table\n'.repeat(10_000));

describe('an object on its way to a file', () => {
  let bed: BackupTestBed;
  let object: ManifestObject;
  beforeAll(async () => {
    bed = await BackupTestBed.create();
    const { sizeBytes, sha256, key } = await bed.repository.put('shop/plain', BYTES, { signal });
    object = { name: 'plain', key, sizeBytes, sha256, compression: 'none', encryption: 'none' };
  });
  afterAll(() => bed.remove());

  it('arrives whole, and its bytes are counted', async () => {
    const seen: number[] = [];
    const file = join(bed.folder, 'whole');
    await spoolObject(object, bed.repository, file, { signal, keyring, onBytes: (bytes) => seen.push(bytes) });
    expect(await readFile(file)).toEqual(BYTES);
    expect(seen.at(-1)).toBe(BYTES.length);
  });

  it('is refused when it is not what the manifest says, stored plain as well', async () => {
    const other = { ...object, sha256: createHash('sha256').update('other').digest('hex') };
    const corrupt = { code: 'backup.corrupt' };
    await expect(
      spoolObject(other, bed.repository, join(bed.folder, 'bad'), { signal, keyring }),
    ).rejects.toMatchObject(corrupt);
    await expect(checkObject(other, bed.repository, { signal })).rejects.toMatchObject(corrupt);
    await expect(checkObject(object, bed.repository, { signal })).resolves.toBeUndefined();
  });

  it('is refused when it cannot be decompressed, though its digest is right', async () => {
    const wrong: ManifestObject = { ...object, compression: 'zstd', encryption: 'none' };
    await expect(
      spoolObject(wrong, bed.repository, join(bed.folder, 'bad'), { signal, keyring }),
    ).rejects.toMatchObject({
      code: 'backup.corrupt',
    });
  });

  it('says so when the disk is full', async () => {
    await expect(spoolObject(object, bed.repository, '/dev/full', { signal, keyring })).rejects.toMatchObject({
      code: 'restore.spool-full',
    });
  });

  it('stops when its signal aborts', async () => {
    const stop = new AbortController();
    const onBytes = () => stop.abort(new Error('an operator cancelled'));
    for (const compression of ['none', 'zstd'] as const) {
      const each: ManifestObject = { ...object, compression };
      await expect(
        spoolObject(each, bed.repository, join(bed.folder, 'stopped'), { signal: stop.signal, keyring, onBytes }),
      ).rejects.toThrow('an operator cancelled');
    }
  });
});
