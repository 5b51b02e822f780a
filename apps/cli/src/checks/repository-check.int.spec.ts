import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { HoldfastConfig } from '#common/config/holdfast.config.js';
import { generateAgeKeys } from '#common/sealing/age.js';
import { Installation } from '#common/service/installation.js';
import { S3Bed } from '#common/testing/s3-bed.js';
import { type S3Differences, startS3Proxy } from '#common/testing/s3-proxy.js';
import { endpoints } from '#tools/services/endpoints.js';
import type { VerbContext } from '../verb.js';
import { runCheck } from './check.js';
import { indexCheck, repositoryCheck } from './repository-check.js';

const { accessKeyId, secretAccessKey } = endpoints.s3;
const { signal } = new AbortController();
const stops: (() => Promise<void>)[] = [];
let bed: S3Bed;

beforeAll(async () => {
  bed = await S3Bed.make();
});
afterAll(() => bed?.dispose());
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

async function checkBehind(differences: S3Differences) {
  const proxy = await startS3Proxy(endpoints.s3, differences);
  const url = `s3://${bed.bucket}/check`;
  const config = HoldfastConfig.parse({
    repositories: { offsite: { url, endpoint: proxy.endpoint, accessKeyId, secretAccessKey } },
    datasets: {},
  });
  const installation = new Installation(config);
  stops.push(
    () => proxy.stop(),
    () => installation.close(),
  );
  return runCheck(repositoryCheck('offsite', { installation, signal } as VerbContext));
}

const isListing = (url = ''): boolean => url.includes('list-type=2');

describe('the check of a repository', () => {
  it('is green for storage that does what runs need, and leaves nothing behind', async () => {
    expect(await checkBehind({})).toMatchObject({ state: 'ok', found: expect.stringContaining('objects of up to') });
    const left = bed.open({ url: `s3://${bed.bucket}` });
    for await (const { key } of left.list('', { signal })) throw new Error(`${key} was left behind`);
    await left.close();
  });

  it.each<[string, S3Differences, object]>([
    [
      'may not be listed',
      {
        answer: ({ url }) =>
          isListing(url) ? { status: 403, body: '<Error><Code>AccessDenied</Code></Error>' } : undefined,
      },
      { code: 'repository.denied' },
    ],
    ['answers everything with 200 and nothing', { answer: () => ({ status: 200 }) }, { code: 'repository.protocol' }],
    [
      'does not list what it has taken',
      {
        answer: ({ url }) =>
          isListing(url)
            ? { status: 200, body: '<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>' }
            : undefined,
      },
      { code: 'repository.protocol', message: expect.stringContaining('does not list it') },
    ],
    [
      'gives back other bytes',
      {
        answer: ({ method, url = '' }) =>
          method === 'GET' && url.includes('/small')
            ? { status: 200, body: 'another check!\n', headers: { 'content-length': '15' } }
            : undefined,
      },
      { code: 'repository.protocol', message: expect.stringContaining('gave back 15 that are not the same') },
    ],
    [
      'takes no object in parts',
      {
        answer: ({ url = '' }) =>
          url.includes('uploads') ? { status: 501, body: '<Error><Code>NotImplemented</Code></Error>' } : undefined,
      },
      { code: 'repository.protocol', message: expect.stringContaining('in-parts') },
    ],
    [
      'may not be deleted from',
      {
        answer: ({ method }) =>
          method === 'DELETE' ? { status: 403, body: '<Error><Code>AccessDenied</Code></Error>' } : undefined,
      },
      { code: 'repository.delete-denied', message: expect.stringContaining('may not delete') },
    ],
  ])('is red for one that %s', async (_, differences, problem) => {
    expect(await checkBehind(differences)).toMatchObject({ state: 'failed', problem });
  });
});

describe('the check of an index identity', () => {
  const checkWith = async (encryption: object) => {
    const folder = await mkdtemp(join(tmpdir(), 'holdfast-spec-'));
    const repositories = { offsite: { url: pathToFileURL(folder).href, encryption } };
    const { endpoint } = endpoints.s3;
    const media = {
      kind: 'bucket',
      url: 's3://media',
      repositories: ['offsite'],
      endpoint,
      accessKeyId,
      secretAccessKey,
    };
    const installation = new Installation(HoldfastConfig.parse({ repositories, datasets: { media } }));
    stops.push(
      () => rm(folder, { recursive: true }),
      () => installation.close(),
    );
    return runCheck(indexCheck('offsite', { installation, signal } as VerbContext));
  };

  it('fails where a dataset shares content and there is none, before the first backup does', async () => {
    const { recipient } = await generateAgeKeys();
    const problem = expect.objectContaining({ code: 'config.invalid', hint: expect.stringContaining('keys generate') });
    expect(await checkWith({ recipients: [recipient] })).toMatchObject({ state: 'failed', problem });
  });

  it('is green for one that opens what is written', async () => {
    const [keys, index] = await Promise.all([generateAgeKeys(), generateAgeKeys()]);
    const encryption = { recipients: [keys.recipient], indexIdentity: index.identity };
    expect(await checkWith(encryption)).toMatchObject({ state: 'ok' });
  });
});
