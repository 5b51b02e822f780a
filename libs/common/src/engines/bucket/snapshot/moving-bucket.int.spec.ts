import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { InventoryEntry, SharedRef } from '#common/contracts/shared-ref.js';
import { BucketClient, withBucket } from '#common/engines/bucket/bucket-client.js';
import type { BucketDataset } from '#common/engines/bucket/bucket-dataset.js';
import { bucketDataset } from '#common/engines/bucket/bucket-options.js';
import { listBucket } from '#common/engines/bucket/listing.js';
import { KeyForms } from '#common/engines/bucket/restore/key-forms.js';
import { BucketBed } from '#common/testing/bucket-bed.js';
import { CopyObjects } from './copy-objects.js';

const { signal } = new AbortController();

let source: BucketBed;
beforeEach(async () => {
  source = await BucketBed.make();
});
afterEach(() => source.dispose());

function datasetOf(o: object = {}): BucketDataset {
  const common = { name: 'media', compression: { level: 1, threads: 1 } };
  return bucketDataset.resolve(common, bucketDataset.schema.parse({ ...source.options(), ...o }));
}

/** Does something to the bucket right before an object is read for the first time. */
class DisturbedClient extends BucketClient {
  private isDone = false;

  constructor(
    dataset: BucketDataset,
    private readonly disturb: () => Promise<void>,
  ) {
    super(dataset.place);
  }

  override async get(...args: Parameters<BucketClient['get']>): ReturnType<BucketClient['get']> {
    if (!this.isDone) await this.disturb();
    this.isDone = true;
    return super.get(...args);
  }
}

/** What the copy of a disturbed bucket lists, by key with its text, and its facts. */
async function copy(disturb: () => Promise<void>) {
  const listed: InventoryEntry[] = [];
  const texts: Record<string, string> = {};
  const read: string[] = [];
  const put = async (open: () => Promise<Readable | Uint8Array>): Promise<SharedRef> => {
    const chunks: Buffer[] = [];
    for await (const chunk of (await open()) as Readable) chunks.push(chunk as Buffer);
    read.push(Buffer.concat(chunks).toString());
    return { name: String(read.length - 1), contentBytes: Buffer.concat(chunks).length } as SharedRef;
  };
  const shared = { parent: undefined, put, list: (entry: InventoryEntry) => listed.push(entry) };
  const dataset = datasetOf();
  const client = new DisturbedClient(dataset, disturb);
  try {
    const copying = new CopyObjects({ dataset, client, isVersioned: false, shared, signal });
    await copying.run();
    for (const { key, content } of listed) texts[key] = read[Number(content?.name)] ?? '';
    return { texts, facts: copying.facts(), listed };
  } finally {
    client.close();
  }
}

describe('a bucket that changes while it is copied', () => {
  it('gives the later version of an object that was replaced, with its headers, and it is named', async () => {
    await source.put('a', 'before', { ContentType: 'text/plain' });
    const { texts, facts, listed } = await copy(() => source.put('a', 'after', { ContentType: 'text/html' }));
    expect(texts).toEqual({ a: 'after' });
    expect(listed).toMatchObject([{ contentType: 'text/html' }]);
    expect(facts.changed).toEqual({ count: 1, keys: ['a'] });
    expect(facts.warnings).toEqual([expect.stringContaining('"a"')]);
  });

  it('lacks an object that vanished, and it is named', async () => {
    await source.put('a', 'x');
    await source.put('b', 'y');
    const { texts, facts } = await copy(() => source.remove('a'));
    expect([texts, facts.vanished]).toEqual([{ b: 'y' }, { count: 1, keys: ['a'] }]);
  });

  it('is not believed to have lost a key with a line break that is not there: a listing may have said another one', async () => {
    await source.put('a\nb', 'x');
    await expect(copy(() => source.remove('a\nb'))).rejects.toMatchObject({ code: 'bucket.key' });
  });

  it('fails as a whole when the bucket itself goes', async () => {
    await source.put('a', 'x');
    const other = await BucketBed.make();
    const gone = async () => {
      await source.dispose();
      source = other;
    };
    await expect(copy(gone)).rejects.toMatchObject({ code: 'bucket.missing' });
  });
});

describe('a listing', () => {
  let server: Server;
  let answers: string[];
  beforeEach(async () => {
    answers = [];
    server = createServer((_, response) => response.end(answers.shift() ?? ''));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterEach(() => new Promise((resolve) => server.close(resolve)));

  const page = (inside: string): string => `<ListBucketResult>${inside}</ListBucketResult>`;
  const list = async (): Promise<string[]> => {
    const { port } = server.address() as AddressInfo;
    const { place } = datasetOf({ endpoint: `http://127.0.0.1:${port}` });
    const keys: string[] = [];
    await withBucket(place, async (client) => {
      for await (const { key } of listBucket(client, { prefix: '', withVersions: false, signal })) keys.push(key);
    });
    return keys;
  };

  it('is read by the encoding that the server says, and to its last page', async () => {
    answers = [
      page(
        '<EncodingType>url</EncodingType><IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken><Contents><Key>a%2Bb+c%252F%0A</Key></Contents>',
      ),
      page('<IsTruncated>false</IsTruncated><Contents><Key>d%2Be+f</Key></Contents>'),
    ];
    expect(await list()).toEqual(['a+b c%2F\n', 'd%2Be+f']);
  });

  it.each([
    ['is no listing', page('')],
    ['has more, and does not say where', page('<IsTruncated>true</IsTruncated>')],
  ])('that %s is none that ended', async (_, answer) => {
    answers = [answer];
    await expect(list()).rejects.toMatchObject({ code: 'bucket.protocol' });
  });

  it('that leads in a circle is none that ended', async () => {
    const circle = page('<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>');
    answers = [circle, circle];
    await expect(list()).rejects.toMatchObject({ code: 'bucket.protocol' });
  });

  it('with a key that XML could not say is refused, and the key is not taken for another', async () => {
    answers = [page('<IsTruncated>false</IsTruncated><Contents><Key>a\uFFFD</Key></Contents>')];
    await expect(list()).rejects.toMatchObject({ code: 'bucket.key' });
  });
});

describe('a server that keeps objects as files', () => {
  it.each(['a//b', 'x/../y', '/lead'])('is asked before anything is written whether it can hold %s', async (key) => {
    await source.put('a/b', 'live');
    const forms = new KeyForms();
    forms.add(key);
    await withBucket(datasetOf().place, async (client) => {
      await expect(forms.assertHeld(client, signal)).rejects.toMatchObject({
        ...{ code: 'bucket.key', message: expect.stringContaining(JSON.stringify(key)) },
      });
    });
    expect(await source.keys()).toEqual(['a/b']);
  });
});
