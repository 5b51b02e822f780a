import { randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { listKeys } from '#common/testing/each-storage.js';
import { S3Bed } from '#common/testing/s3-bed.js';
import { type S3Differences, type S3Proxy, startS3Proxy } from '#common/testing/s3-proxy.js';
import { endpoints } from '#tools/services/endpoints.js';
import type { BackupRepository } from '../backup-repository.js';
import { initialiseRepository } from '../initialise-repository.js';
import type { RepositoryOptions } from '../open-repository.js';

const { signal } = new AbortController();
let bed: S3Bed;
const open: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  bed = await S3Bed.make();
});
afterAll(() => bed?.dispose());
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

function openStorage(changed: Partial<RepositoryOptions>): BackupRepository {
  const repository = bed.open(changed);
  open.push(repository);
  return repository;
}

async function openBehind(differences: S3Differences, changed: Partial<RepositoryOptions> = {}) {
  const proxy: S3Proxy = await startS3Proxy(endpoints.s3, differences);
  open.push({ close: () => proxy.stop() });
  return openStorage({ endpoint: proxy.endpoint, ...changed });
}

/** Of the first thing that goes wrong. */
const failure = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );

describe('a prefix', () => {
  it.each(['50% off', 'a%20b', 'with blanks', 'Zürich/東京', "it's+(more)&=;,$@!*~", '//a//b/'])(
    'of %j keeps what is written below it, lists it and reads it',
    async (prefix) => {
      const repository = openStorage({ url: `s3://${bed.bucket}/${prefix}` });
      await initialiseRepository(repository, { signal });
      const body = randomBytes(9 << 20);
      await repository.put('shop/object', body, { signal });
      expect(await listKeys(repository)).toEqual(['repository.json', 'shop/object']);
      expect((await buffer(await repository.get('shop/object', { signal }))).equals(body)).toBe(true);
      expect((await repository.stat('shop/object', { signal }))?.sizeBytes).toBe(body.length);
      for (const key of await listKeys(repository)) await repository.remove(key, { signal });
      expect(await listKeys(repository)).toEqual([]);
    },
  );
});

describe('a server without conditional writes', () => {
  it.each([400, 501])('that answers one with %i is written to all the same', async (status) => {
    const code = status === 400 ? 'InvalidArgument' : 'NotImplemented';
    const repository = await openBehind({
      answer: ({ headers }) =>
        headers['if-none-match'] === undefined ? undefined : { status, body: `<Error><Code>${code}</Code></Error>` },
    });
    expect(await repository.traits({ signal })).toMatchObject({ conditionalPut: false });
    const put = (name: string, sizeBytes: number) =>
      repository.put(`without-${status}/${name}`, randomBytes(sizeBytes), { signal, ifAbsent: true });
    for (const [name, sizeBytes] of [
      ['small', 9],
      ['in-parts', 9 << 20],
    ] as const) {
      expect(await put(name, sizeBytes)).toMatchObject({ sizeBytes });
      await expect(put(name, sizeBytes)).rejects.toMatchObject({ code: 'repository.exists' });
    }
  });
});

describe('a server that takes few parts', () => {
  /** 3 parts of 5 MiB, where Amazon takes 10,000. */
  const takesThree: S3Differences = {
    answer: ({ url = '' }) =>
      Number(/partNumber=(\d+)/.exec(url)?.[1] ?? 0) > 3
        ? { status: 400, body: '<Error><Code>InvalidArgument</Code><Message>Part number too large</Message></Error>' }
        : undefined,
  };
  const body = randomBytes(17 << 20);

  it('is named as that when the configuration says more', async () => {
    const repository = await openBehind(takesThree, { partSizeBytes: 5 << 20 });
    expect(await failure(repository.put('few/object', body, { signal }))).toMatchObject({
      ...{ code: 'repository.protocol', message: expect.stringContaining('part 4 of some/prefix/few/object') },
      hint: expect.stringContaining('maxParts'),
    });
  });

  it('gets parts that grow in time', async () => {
    const repository = await openBehind(takesThree, { partSizeBytes: 5 << 20, maxParts: 3 });
    expect(await repository.put('few/object', body, { signal })).toMatchObject({ sizeBytes: body.length });
  });

  it('is never sent a part too many, and keeps nothing of it', async () => {
    const repository = await openBehind(takesThree, { partSizeBytes: 5 << 20, maxParts: 2 });
    const before = await bed.countUnfinished();
    expect(await failure(repository.put('few/large', body, { signal }))).toMatchObject({
      ...{ code: 'repository.full', hint: expect.stringContaining('partSizeBytes') },
      message: expect.stringContaining('2 parts'),
    });
    expect(await bed.countUnfinished()).toBe(before);
  });
});

describe('a refusal without a body', () => {
  it.each([
    ['the region', { region: 'eu-nowhere-1' }, /region/],
    ['the secret', { secretAccessKey: 'not the secret' }, /secretAccessKey/],
    ['the key', { accessKeyId: 'nobody' }, /accessKeyId/],
  ])('still says that %s is wrong', async (_, changed, hint) => {
    const repository = openStorage(changed);
    const listed = await failure(listKeys(repository));
    expect(listed).toMatchObject({ hint: expect.stringMatching(hint) });
    const { code } = listed as { code: string };
    for (const look of [() => repository.stat('a/b', { signal }), () => initialiseRepository(repository, { signal })])
      expect(await failure(look())).toMatchObject({ code, hint: expect.stringMatching(hint) });
  });
});

describe('what is no server', () => {
  const pages: Server[] = [];
  afterEach(() => {
    for (const page of pages.splice(0)) page.close();
  });

  async function openPage(status: number, body: string, headers: Record<string, string> = {}) {
    const page = createServer((asked, answer) => {
      asked.resume().once('end', () => answer.writeHead(status, headers).end(asked.method === 'HEAD' ? '' : body));
    });
    pages.push(page);
    await new Promise<void>((resolve) => page.listen(0, '127.0.0.1', resolve));
    return openStorage({ endpoint: `http://127.0.0.1:${(page.address() as AddressInfo).port}` });
  }

  it('and answers 200 with nothing is neither an empty repository nor a newer format', async () => {
    const repository = await openPage(200, '');
    expect(await failure(listKeys(repository))).toMatchObject({ code: 'repository.protocol' });
    expect(await failure(initialiseRepository(repository, { signal }))).toMatchObject({
      ...{ code: 'repository.damaged', message: expect.stringContaining('is empty') },
      hint: expect.stringContaining('proxy'),
    });
  });

  it('and answers with a web page is named as that', async () => {
    const repository = await openPage(200, '<!doctype html><title>Sign in</title><p>Welcome<br>', {
      'content-type': 'text/html',
    });
    expect(await failure(listKeys(repository))).toMatchObject({
      ...{ code: 'repository.protocol', hint: expect.stringContaining('endpoint') },
    });
  });

  it('because it speaks plain http where https was named, or the other way round, gets a hint of its own', async () => {
    const plain = openStorage({ endpoint: endpoints.s3.endpoint.replace('http:', 'https:') });
    expect(await failure(plain.stat('a/b', { signal }))).toMatchObject({
      ...{ code: 'repository.unavailable', hint: expect.stringContaining('http://') },
    });
    const refused = await openPage(400, 'Client sent an HTTP request to an HTTPS server.\n');
    expect(await failure(listKeys(refused))).toMatchObject({
      ...{ code: 'repository.protocol', hint: expect.stringContaining('endpoint') },
    });
  });
});

describe('a session that has ended', () => {
  it('is named as that, with what to renew', async () => {
    const body = '<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>';
    const repository = await openBehind({ answer: () => ({ status: 400, body }) });
    expect(await failure(repository.put('a/b', Buffer.from('x'), { signal }))).toMatchObject({
      ...{ code: 'repository.denied', hint: expect.stringContaining('renew') },
    });
  });
});
