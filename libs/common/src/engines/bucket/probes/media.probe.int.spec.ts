import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { bucketTarget } from '#common/engines/bucket/bucket-options.js';
import { BucketBed } from '#common/testing/bucket-bed.js';
import { endpoints } from '#tools/services/endpoints.js';
import { mediaProbe } from './media.probe.js';

let place: BucketBed;
beforeAll(async () => {
  place = await BucketBed.make();
  for (const key of ['a.png', 'b.png', '\uff00.png', '\u{1f600}.png', 'old.png']) await place.put(`media/${key}`, key);
});
afterAll(() => place.dispose());

async function ask(query: string, params: object = {}) {
  const prepared = mediaProbe.prepare({ url: endpoints.postgres18.url, query, ...params });
  if (!('probe' in prepared)) throw new Error(JSON.stringify(prepared.problems));
  const target = bucketTarget.resolve({ name: 'standby' }, bucketTarget.schema.parse(place.options()));
  const context = { target, destination: 'media', signal: new AbortController().signal };
  return prepared.probe.run(context as unknown as Parameters<typeof prepared.probe.run>[0]);
}

describe('the probe media', () => {
  it('passes where every reference exists, by key and by address, in the order of bytes', async () => {
    const query = `VALUES ('https://cdn.example/\u{1f600}.png'), ('a.png'), ('https://cdn.example/\uff00.png'), ('a.png'), (NULL)`;
    const { verdict, summary } = await ask(query, { before: 'https://cdn.example/' });
    expect([verdict, summary]).toEqual(['passed', expect.stringContaining('3 references, 2 objects without one')]);
  });

  it('fails and names what is referred to and missing', async () => {
    const { verdict, evidence } = await ask(`SELECT name FROM (VALUES ('a.png'), ('lost.png')) files(name)`);
    expect([verdict, evidence]).toEqual(['failed', [expect.objectContaining({ subject: '"lost.png"' })]]);
  });

  it('is open where there are no references, unless that is right', async () => {
    const nothing = `SELECT 'x' WHERE false`;
    expect((await ask(nothing)).verdict).toBe('inconclusive');
    expect((await ask(nothing, { mayBeEmpty: true })).verdict).toBe('passed');
  });

  it('fails where the restored database lacks the table, and could not run where the query is wrong or nothing answers', async () => {
    expect((await ask('SELECT image FROM no_such_table')).verdict).toBe('failed');
    await expect(ask('SELEC 1')).rejects.toMatchObject({ code: 'probe.impossible' });
    const url = 'postgres://postgres@127.0.0.1:9/postgres';
    await expect(ask('SELECT 1', { url })).rejects.toMatchObject({ code: 'probe.unreachable' });
  });
});
