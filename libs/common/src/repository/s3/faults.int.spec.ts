import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { S3Bed } from '#common/testing/s3-bed.js';
import { opaqueEtags, type S3Proxy, startS3Proxy } from '#common/testing/s3-proxy.js';
import { TcpGate } from '#common/testing/tcp-gate.js';
import { endpoints } from '#tools/services/endpoints.js';
import type { BackupRepository } from '../backup-repository.js';

const signal = new AbortController().signal;
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

describe('S3Repository behind a network that breaks', () => {
  let bed: S3Bed;
  let gate: TcpGate;
  let repository: BackupRepository;

  beforeEach(async () => {
    bed = await S3Bed.make();
    gate = await TcpGate.open(endpoints.s3);
    repository = bed.open({ endpoint: gate.rewrite(endpoints.s3.endpoint) });
  });
  afterEach(async () => {
    await repository.close();
    await gate.close();
    await bed.dispose();
  });

  const body = randomBytes(20 << 20);
  const stream = () => Readable.from([body.subarray(0, 12 << 20), body.subarray(12 << 20)]);
  const expectStored = async (key: string) => {
    expect(sha256(await buffer(await repository.get(key, { signal })))).toBe(sha256(body));
    expect(await bed.countUnfinished()).toBe(0);
    expect(gate.isCutPending).toBe(false);
  };

  it('takes a read up where the connection broke', async () => {
    await repository.put('object', body, { signal });
    const chunks: Buffer[] = [];
    let breaks = 0;
    for await (const chunk of await repository.get('object', { signal })) {
      chunks.push(chunk as Buffer);
      if (breaks < 3) {
        breaks += 1;
        gate.shut();
        gate.reopen();
      }
    }
    expect(breaks).toBe(3);
    expect(sha256(Buffer.concat(chunks))).toBe(sha256(body));
  });

  it('does not take half a new object for the rest of an old one', async () => {
    await repository.put('object', body, { signal });
    const reader = await repository.get('object', { signal });
    reader.once('readable', () => gate.shut());
    reader.read(1);
    await new Promise((resolve) => reader.once('readable', resolve));
    await bed.open().put('object', randomBytes(body.length), { signal });
    gate.reopen();
    await expect(buffer(reader)).rejects.toMatchObject({ code: 'repository.object-missing' });
  });

  it('waits for a server that is away while parts are sent', async () => {
    let hasBroken = false;
    const written = await repository.put('object', stream(), {
      signal,
      onProgress: () => {
        if (hasBroken) return;
        hasBroken = true;
        gate.shut();
        setTimeout(() => gate.reopen(), 300);
      },
    });
    expect(hasBroken).toBe(true);
    expect(written.sha256).toBe(sha256(body));
    await expectStored('object');
  });

  it('finds its object complete when the answer to the completion was lost', async () => {
    gate.cutAfterRequest('<CompleteMultipartUpload');
    expect(await repository.put('object', stream(), { signal })).toMatchObject({ sizeBytes: body.length });
    await expectStored('object');
  });

  it('finds its object complete also when it had to be the first', async () => {
    gate.cutAfterRequest('<CompleteMultipartUpload');
    await repository.put('object', stream(), { signal, ifAbsent: true });
    await expectStored('object');
  });

  it('completes when the completion never arrived', async () => {
    gate.cutBeforeRequest('<CompleteMultipartUpload');
    await repository.put('object', stream(), { signal });
    await expectStored('object');
  });

  it('knows its own small object by its bytes when the answer was lost', async () => {
    gate.cutAfterRequest('if-none-match');
    const small = Buffer.from('{"formatVersion": 1}');
    expect(await repository.put('manifest.json', small, { signal, ifAbsent: true })).toMatchObject({
      sizeBytes: small.length,
    });
    expect(gate.isCutPending).toBe(false);
    await expect(repository.put('manifest.json', small, { signal, ifAbsent: true })).rejects.toMatchObject({
      code: 'repository.exists',
    });
  });

  it('waits no longer when its caller gives up', async () => {
    await repository.stat('object', { signal });
    gate.shut();
    const abort = new AbortController();
    const waiting = repository.stat('object', { signal: abort.signal });
    setTimeout(() => abort.abort(new Error('cancelled')), 50);
    await expect(waiting).rejects.toThrow('cancelled');
    gate.reopen();
  });
});

describe('S3Repository on a server whose ETags are no digests', () => {
  let bed: S3Bed;
  let server: S3Proxy;
  let gate: TcpGate;
  let repository: BackupRepository;

  beforeEach(async () => {
    [bed, server] = await Promise.all([S3Bed.make(), startS3Proxy(endpoints.s3, opaqueEtags)]);
    gate = await TcpGate.open(server);
    repository = bed.open({ endpoint: gate.rewrite(endpoints.s3.endpoint) });
  });
  afterEach(async () => {
    await repository.close();
    await gate.close();
    await server.stop();
    await bed.dispose();
  });

  it.each([
    ['in one request', 'if-none-match', Buffer.from('{"formatVersion": 1}')],
    ['in parts', '<CompleteMultipartUpload', randomBytes(9 << 20)],
  ])(
    'knows its own object, written %s, when the answer was lost, and no other for its own',
    async (_, request, body) => {
      const put = (bytes: Buffer) => repository.put('manifest.json', bytes, { signal, ifAbsent: true });
      gate.cutAfterRequest(request);
      expect(await put(body)).toMatchObject({ sizeBytes: body.length, sha256: sha256(body) });
      expect(gate.isCutPending).toBe(false);
      await expect(put(body)).rejects.toMatchObject({ code: 'repository.exists' });
    },
  );

  it('takes another object of the same size for none of its own', async () => {
    const mine = Buffer.from('mine');
    const { promise: cut, resolve: onCut } = Promise.withResolvers<void>();
    gate.cutBeforeRequest('if-none-match', () => {
      gate.shut();
      onCut();
    });
    const writing = repository.put('manifest.json', mine, { signal, ifAbsent: true });
    await Promise.race([cut, writing]);
    await bed.open().put('manifest.json', Buffer.from('your'), { signal });
    gate.reopen();
    await expect(writing).rejects.toMatchObject({ code: 'repository.exists' });
  });
});

describe('S3Repository on a machine whose clock is moved', () => {
  it.each(['an hour ahead', 'an hour behind'])(
    'goes on, whatever it asks first, when it is %s and when it is right again',
    async (how) => {
      const bed = await S3Bed.make();
      const repository = bed.open();
      await repository.put('object', Buffer.from('x'), { signal });
      const now = Date.now.bind(Date);
      const moved = jest
        .spyOn(Date, 'now')
        .mockImplementation(() => now() + (how === 'an hour ahead' ? 3_600_000 : -3_600_000));
      try {
        expect((await repository.stat('object', { signal }))?.sizeBytes).toBe(1);
        moved.mockRestore();
        await repository.put('next', Buffer.from('y'), { signal });
      } finally {
        moved.mockRestore();
        await repository.close();
        await bed.dispose();
      }
    },
  );
});
