import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { BackupRepository } from '#common/repository/backup-repository.js';
import { describeRemovals } from './removal-contract.js';
import { collect, keysOf, type RepositoryBed } from './repository-bed.js';
import { unfinishedBody } from './unfinished-body.js';

const signal = new AbortController().signal;
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const text = (value: string) => Buffer.from(value);

/** What every storage must do. `makeBed` prepares a place of its own for the suite. */
export function describeBackupRepositoryContract(name: string, makeBed: () => Promise<RepositoryBed>): void {
  describe(`${name} as a backup repository`, () => {
    let bed: RepositoryBed;
    let repository: BackupRepository;

    beforeAll(async () => {
      bed = await makeBed();
      repository = bed.open();
    });
    afterAll(async () => {
      await repository?.close();
      await bed?.dispose();
    });

    it('gives back what was put, with its size and digest', async () => {
      const bytes = randomBytes(100_000);
      const written = await repository.put('plain/object', bytes, { signal });
      expect(written).toEqual({ key: 'plain/object', sizeBytes: 100_000, sha256: sha256(bytes) });
      expect((await buffer(await repository.get('plain/object', { signal }))).equals(bytes)).toBe(true);
      expect(await repository.stat('plain/object', { signal })).toMatchObject({
        key: 'plain/object',
        sizeBytes: 100_000,
      });
    });

    it('stores an empty object, from bytes and from a stream', async () => {
      await repository.put('empty/bytes', Buffer.alloc(0), { signal });
      const written = await repository.put('empty/stream', Readable.from([]), { signal });
      expect(written).toMatchObject({ sizeBytes: 0, sha256: sha256(Buffer.alloc(0)) });
      expect(await buffer(await repository.get('empty/stream', { signal }))).toHaveLength(0);
    });

    it('carries 40 MB in odd chunks through, by digest, and counts them on the way', async () => {
      const chunk = randomBytes(99_991);
      const whole = Buffer.concat(Array.from({ length: 420 }, () => chunk));
      const seen: number[] = [];
      const body = Readable.from(Array.from({ length: 420 }, () => chunk));
      const written = await repository.put('large/object', body, { signal, onProgress: (bytes) => seen.push(bytes) });
      expect(written).toEqual({ key: 'large/object', sizeBytes: whole.length, sha256: sha256(whole) });
      expect(seen.at(-1)).toBe(whole.length);
      expect(seen).toEqual(seen.toSorted((a, b) => a - b));
      expect(sha256(await buffer(await repository.get('large/object', { signal })))).toBe(written.sha256);
    });

    it('shows nothing of an object before all of it is there', async () => {
      let finish: (body: Readable) => void = () => undefined;
      const isWaiting = new Promise<Readable>((resolve) => {
        finish = resolve;
      });
      const put = repository.put('slow/object', unfinishedBody(20 << 20, finish), { signal });
      const body = await isWaiting;
      expect(await keysOf(repository, 'slow')).toEqual([]);
      expect(await repository.stat('slow/object', { signal })).toBeUndefined();
      await expect(repository.get('slow/object', { signal })).rejects.toMatchObject({
        code: 'repository.object-missing',
      });
      body.push(null);
      expect(await put).toMatchObject({ sizeBytes: 20 << 20 });
      expect(await keysOf(repository, 'slow')).toEqual(['slow/object']);
    });

    it.each([
      ['small', 1 << 20],
      ['large', 20 << 20],
    ])('leaves nothing of a %s body that failed', async (size, sizeBytes) => {
      const body = unfinishedBody(sizeBytes, (stream) => stream.destroy(new Error('pg_dump died')));
      await expect(repository.put(`broken/${size}`, body, { signal })).rejects.toThrow('pg_dump died');
      expect(await keysOf(repository, 'broken')).toEqual([]);
      expect(await bed.countUnfinished()).toBe(0);
    });

    it('takes a body that was cut short for no whole one', async () => {
      const body = unfinishedBody(1 << 20, (stream) => stream.destroy());
      await expect(repository.put('broken/cut', body, { signal })).rejects.toMatchObject({
        code: 'ERR_STREAM_PREMATURE_CLOSE',
      });
      expect(await keysOf(repository, 'broken')).toEqual([]);
    });

    it.each([
      ['small', 1 << 20],
      ['large', 20 << 20],
    ])('leaves nothing of an aborted %s body, which it stops', async (size, sizeBytes) => {
      const abort = new AbortController();
      const body = unfinishedBody(sizeBytes, () => abort.abort(new Error('claim lost')));
      const put = repository.put(`aborted/${size}`, body, { signal: abort.signal });
      await expect(put).rejects.toThrow('claim lost');
      expect(body.destroyed).toBe(true);
      expect(await keysOf(repository, 'aborted')).toEqual([]);
      expect(await bed.countUnfinished()).toBe(0);
    });

    it('does nothing for a caller that has given up already', async () => {
      const aborted = AbortSignal.abort(new Error('too late'));
      await expect(repository.put('aborted/early', text('x'), { signal: aborted })).rejects.toThrow('too late');
      await expect(repository.get('plain/object', { signal: aborted })).rejects.toThrow('too late');
      await expect(repository.stat('plain/object', { signal: aborted })).rejects.toThrow('too late');
      await expect(collect(repository.list('plain', { signal: aborted }))).rejects.toThrow('too late');
    });

    it('refuses to replace when asked to, and says what is there', async () => {
      await repository.put('once/object', text('first'), { signal, ifAbsent: true });
      const second = repository.put('once/object', text('second'), { signal, ifAbsent: true });
      await expect(second).rejects.toMatchObject({
        code: 'repository.exists',
        message: expect.stringContaining('once/object'),
      });
      expect(String(await buffer(await repository.get('once/object', { signal })))).toBe('first');
      await repository.put('once/object', text('third'), { signal });
      expect(String(await buffer(await repository.get('once/object', { signal })))).toBe('third');
    });

    it('lets exactly one of many writers create an object', async () => {
      const { conditionalPut } = await repository.traits({ signal });
      expect(conditionalPut).toBe(true);
      const bodies = Array.from({ length: 8 }, (_, i) => text(`writer ${i}`));
      const results = await Promise.allSettled(
        bodies.map((body) => repository.put('race/object', body, { signal, ifAbsent: true })),
      );
      const winners = results.flatMap((result, i) => (result.status === 'fulfilled' ? [i] : []));
      expect(winners).toHaveLength(1);
      expect(String(await buffer(await repository.get('race/object', { signal })))).toBe(`writer ${winners[0]}`);
      for (const result of results.filter(({ status }) => status === 'rejected')) {
        expect(result).toMatchObject({ reason: { code: 'repository.exists' } });
      }
    });

    it('lists folders in the order of whole keys', async () => {
      const keys = ['order/a', 'order/a-b', 'order/a/x', 'order/a/y/z', 'order/a0', 'order/b', 'order2/x'];
      const storable = keys.filter((key) => key !== 'order/a');
      for (const key of storable.toReversed()) await repository.put(key, text(key), { signal });
      expect(await keysOf(repository, 'order')).toEqual([
        'order/a-b',
        'order/a/x',
        'order/a/y/z',
        'order/a0',
        'order/b',
      ]);
      expect(await keysOf(repository, 'order/a')).toEqual(['order/a/x', 'order/a/y/z']);
      expect(await keysOf(repository, 'order3')).toEqual([]);
      const named = await collect(repository.list('order', { signal, namePrefix: 'a-' }));
      expect(named.map(({ key }) => key)).toEqual(['order/a-b']);
      const [first] = await collect(repository.list('order', { signal }));
      expect(first?.sizeBytes).toBe('order/a-b'.length);
      expect(first?.modifiedAt.getTime()).toBeGreaterThan(Date.now() - 3_600_000);
    });

    it('lists more objects than fit on a page', async () => {
      const keys = Array.from({ length: 1_010 }, (_, i) => `many/${String(i).padStart(5, '0')}`);
      for (let i = 0; i < keys.length; i += 50) {
        await Promise.all(keys.slice(i, i + 50).map((key) => repository.put(key, text('x'), { signal })));
      }
      expect(await keysOf(repository, 'many')).toEqual(keys);
    });

    it('removes, also what is not there', async () => {
      await repository.put('gone/object', text('x'), { signal });
      await repository.remove('gone/object', { signal });
      await repository.remove('gone/object', { signal });
      expect(await repository.stat('gone/object', { signal })).toBeUndefined();
      expect(await keysOf(repository, 'gone')).toEqual([]);
    });

    describeRemovals(() => ({ bed, repository }));

    it('keeps writing and removing neighbours apart', async () => {
      const work = Array.from({ length: 40 }, async (_, i) => {
        const key = `busy/${i % 4}/deep/${i}`;
        await repository.put(key, text(key), { signal });
        if (i % 2 === 0) await repository.remove(key, { signal });
      });
      await Promise.all(work);
      expect((await keysOf(repository, 'busy')).length).toBe(20);
    });

    it('tells an absent object apart from an empty one', async () => {
      expect(await repository.stat('nowhere/object', { signal })).toBeUndefined();
      await expect(repository.get('nowhere/object', { signal })).rejects.toMatchObject({
        code: 'repository.object-missing',
        message: expect.stringContaining('nowhere/object'),
      });
    });

    it('stops reading when aborted', async () => {
      const abort = new AbortController();
      const body = await repository.get('large/object', { signal: abort.signal });
      body.once('data', () => abort.abort(new Error('enough')));
      await expect(buffer(body)).rejects.toThrow('enough');
    });

    it.each(['../outside', '/etc/passwd', 'a//b', 'a/../b', '.hidden/x', 'a/', '', 'ä/b', 'a\nb'])(
      'refuses the key %j',
      async (key) => {
        await expect(repository.put(key, text('x'), { signal })).rejects.toMatchObject({ code: 'request.invalid' });
        await expect(repository.get(key, { signal })).rejects.toMatchObject({ code: 'request.invalid' });
        await expect(repository.remove(key, { signal })).rejects.toMatchObject({ code: 'request.invalid' });
      },
    );

    it('gives back what writers that died left behind, below a folder and before an instant', async () => {
      const abandoned = bed.open();
      const bodies = ['left/one', 'left2/two'].map((key) => {
        const body = unfinishedBody(20 << 20, () => undefined);
        const put = abandoned.put(key, body, { signal });
        put.catch(() => undefined);
        return { body, put };
      });
      while ((await bed.countUnfinished()) < 2) await new Promise(setImmediate);
      expect(await repository.abortUnfinished('left', new Date(Date.now() - 3_600_000), { signal })).toBe(0);
      expect(await repository.abortUnfinished('left', new Date(Date.now() + 3_600_000), { signal })).toBe(1);
      // A part that was on its way may show the upload once more: the next sweep takes it away.
      while ((await bed.countUnfinished()) !== 1)
        await repository.abortUnfinished('left', new Date(Date.now() + 3_600_000), { signal });
      for (const { body } of bodies) body.destroy(new Error('over'));
      await Promise.allSettled(bodies.map(({ put }) => put));
      // So may the last of its parts. The other writer gives back its own.
      while ((await bed.countUnfinished()) !== 0)
        await repository.abortUnfinished('left', new Date(Date.now() + 3_600_000), { signal });
      expect(await keysOf(repository, 'left')).toEqual([]);
      await abandoned.close();
    });

    it('says that it may not write, and reads all the same', async () => {
      const readOnly = bed.openReadOnly();
      const denied = { code: 'repository.denied', hint: expect.stringMatching(/\.$/) };
      await expect(readOnly.put('denied/small', text('x'), { signal })).rejects.toMatchObject(denied);
      await expect(readOnly.requireRemovable('denied/small', { signal })).rejects.toMatchObject({
        code: expect.stringMatching(/^repository[.](delete-|versions-)?denied$/),
      });
      const large = unfinishedBody(20 << 20, (body) => body.push(null));
      await expect(readOnly.put('denied/large', large, { signal })).rejects.toMatchObject(denied);
      expect(large.destroyed).toBe(true);
      expect(await readOnly.stat('nowhere/object', { signal })).toBeUndefined();
      await readOnly.close();
    });

    it('says that there is no such place, whatever is asked', async () => {
      const missing = bed.openMissing();
      const problem = { code: 'repository.missing', exit: 2, hint: expect.stringContaining('holdfast check') };
      await expect(missing.put('a/b', text('x'), { signal })).rejects.toMatchObject(problem);
      await expect(
        missing.put(
          'a/b',
          unfinishedBody(20 << 20, () => undefined),
          { signal },
        ),
      ).rejects.toMatchObject(problem);
      await expect(missing.get('a/b', { signal })).rejects.toMatchObject(problem);
      await expect(missing.stat('a/b', { signal })).rejects.toMatchObject(problem);
      await expect(collect(missing.list('', { signal }))).rejects.toMatchObject(problem);
      await expect(missing.remove('a/b', { signal })).rejects.toMatchObject(problem);
      await expect(missing.requireRemovable('a/b', { signal })).rejects.toMatchObject(problem);
      await expect(missing.traits({ signal })).rejects.toMatchObject(problem);
      await missing.close();
    });
  });
}
