import { createHash, randomBytes } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { BackupRepository } from '#common/repository/backup-repository.js';
import { S3Bed } from '#common/testing/s3-bed.js';
import { endpoints } from '#tools/services/endpoints.js';
import { S3Gate } from './s3-gate.js';

const large = randomBytes(20 * 1024 * 1024);
const digestOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const { signal } = new AbortController();

let bed: S3Bed;
let gate: S3Gate;
let through: BackupRepository;
let direct: BackupRepository;

beforeAll(async () => {
  bed = await S3Bed.make();
  gate = await S3Gate.open(endpoints.s3);
  through = bed.open({ endpoint: gate.endpoint });
  direct = bed.open();
});

afterEach(() => {
  gate.seen.length = 0;
});

afterAll(async () => {
  await through?.close();
  await direct?.close();
  await gate?.close();
  await bed?.dispose();
});

const read = async (repository: BackupRepository, key: string) => buffer(await repository.get(key, { signal }));

describe('the gate in front of S3', () => {
  it('passes signed requests and long bodies as they are', async () => {
    const { sha256 } = await through.put('a/large', large, { signal });
    expect(sha256).toBe(digestOf(large));
    expect(digestOf(await read(through, 'a/large'))).toBe(sha256);
    expect(gate.seen.filter((line) => /^PUT .*partNumber/.test(line))).toHaveLength(3);
  });

  it('holds a request before the server sees it', async () => {
    const held = gate.holdBefore({ method: 'PUT', key: /a\/before$/ });
    const putting = through.put('a/before', Buffer.from('x'), { signal });
    await held.reached;
    expect(await direct.stat('a/before', { signal })).toBeUndefined();
    held.release();
    await putting;
    expect(await direct.stat('a/before', { signal })).toBeDefined();
  });

  it('lets a held request land whose client sees no answer, and says when there is none to land', async () => {
    const match = { method: 'PUT', key: /a\/late/ };
    const held = gate.holdBefore(match);
    const putting = through.put('a/late', Buffer.from('x'), { signal });
    await held.reached;
    expect(await held.land()).toBe(200);
    await putting;
    const [gone, lost] = [new AbortController(), gate.holdBefore(match)];
    const given = through.put('a/late-2', Buffer.from('x'), { signal: gone.signal }).catch(() => 'given up');
    await lost.reached;
    gone.abort();
    expect(await given).toBe('given up');
    await expect(lost.land()).rejects.toThrow('the client was gone');
    expect(await direct.stat('a/late-2', { signal })).toBeUndefined();
  });

  it('holds an answer after the server did it', async () => {
    const held = gate.holdAfter({ method: 'PUT', key: /a\/after$/ });
    const putting = through.put('a/after', Buffer.from('x'), { signal });
    await held.reached;
    expect(await direct.stat('a/after', { signal })).toBeDefined();
    held.release();
    await putting;
  });

  it('sends nothing on for a client that went away while it was held', async () => {
    const held = gate.holdBefore({ method: 'PUT', key: /a\/gone$/ });
    const leaving = new AbortController();
    const putting = through.put('a/gone', Buffer.from('x'), { signal: leaving.signal });
    await held.reached;
    leaving.abort(new Error('gone'));
    await expect(putting).rejects.toThrow('gone');
    held.release();
    await through.put('a/next', Buffer.from('y'), { signal });
    expect(await direct.stat('a/gone', { signal })).toBeUndefined();
  });

  it.each(['error-500', 'slow-down', 'reset', 'cut-upload', 'lose-answer', 'spoil-answer'] as const)(
    'answers a write with %s once, and it is tried again',
    async (fault) => {
      const key = `a/write-${fault}`;
      const answering = gate.answer({ method: 'PUT', key: new RegExp(`${key}$`) }, fault);
      await through.put(key, Buffer.from('0123456789'), { signal });
      expect(answering.count).toBe(1);
      expect(gate.seen.filter((line) => line.startsWith('PUT'))).toHaveLength(2);
      expect((await read(direct, key)).toString()).toBe('0123456789');
    },
  );

  it.each(['error-500', 'lose-answer', 'spoil-answer'] as const)(
    'answers a removal with %s once, and it is tried again',
    async (fault) => {
      const key = `a/removed-${fault}`;
      await direct.put(key, Buffer.from('x'), { signal });
      const answering = gate.answer({ method: 'DELETE', key: new RegExp(`${key}$`) }, fault);
      await through.remove(key, { signal });
      expect(answering.count).toBe(1);
      expect(await direct.stat(key, { signal })).toBeUndefined();
    },
  );

  it('breaks an answer in the middle', async () => {
    const answering = gate.answer({ method: 'GET', key: /a\/large$/ }, 'cut-download');
    expect(digestOf(await read(through, 'a/large'))).toBe(digestOf(large));
    expect(answering.count).toBe(1);
  });

  it('stalls for as long as its client waits', async () => {
    const answering = gate.answer({ method: 'HEAD', key: /a\/stalled$/ }, 'stall', Number.POSITIVE_INFINITY);
    const leaving = new AbortController();
    const looking = through.stat('a/stalled', { signal: leaving.signal });
    await answering.reached;
    leaving.abort(new Error('waited long enough'));
    await expect(looking).rejects.toThrow('waited long enough');
    answering.end();
    expect(await through.stat('a/stalled', { signal })).toBeUndefined();
  });
});
