import { randomUUID } from 'node:crypto';
import { meilisearch } from '#common/engines/meilisearch/meilisearch.engine.js';
import { MeilisearchClient } from '#common/engines/meilisearch/meilisearch-client.js';
import type { DatasetFixture } from '#common/testing/engine-harness.js';
import { endpoints } from '#tools/services/endpoints.js';

const { url, masterKey: apiKey } = endpoints.meilisearch;
const WRITTEN = '{"id":"%","big":9007199254740993,"hidden":null,"_vectors":{"own":[0.1,0.25]}}';

/** Two indexes of one server; destinations are prefixes on the same. */
export async function startMeilisearchDataset(): Promise<DatasetFixture> {
  const names = ['full', 'bare'].map((each) => `${each}_${randomUUID().slice(0, 8)}`);
  const [full = '', bare = ''] = names;
  const client = new MeilisearchClient({ url, apiKey }, new AbortController().signal);
  const made: string[] = [];
  await client.done(client.createIndex(bare, null));
  const embedders = { own: { source: 'userProvided', dimensions: 2 } };
  const lists = { displayedAttributes: ['id'], stopWords: ['the'], synonyms: { a: ['b'] } };
  await client.done(client.createIndex(full, 'id'));
  await client.done(client.changeSettings(full, { ...lists, embedders }));
  const readAll = async (prefix: string): Promise<string | null> => {
    if ((await client.findIndex(prefix + full)) === undefined) return null;
    const page = JSON.parse((await client.documents(prefix + full, 0, 1_000)).toString()) as {
      results: { id: string }[];
    };
    const documents = page.results.sort((a, b) => (a.id < b.id ? -1 : 1)).map((each) => JSON.stringify(each));
    return [...documents, JSON.stringify(await client.settings(prefix + full))].join('\n');
  };
  return {
    engine: meilisearch,
    dataset: { url, apiKey, include: names },
    target: { url, apiKey },
    ...{ method: 'documents', replacing: 'replace', probes: ['checksums', 'documents'] },
    unfit: [
      { what: 'a server that is not there', dataset: { url: 'http://127.0.0.1:9' }, code: 'meilisearch.unreachable' },
      { what: 'a wrong key', dataset: { apiKey: 'wrong' }, code: 'meilisearch.denied' },
      { what: 'an index that is not there', dataset: { include: ['absent'] }, code: 'meilisearch.index-missing' },
    ],
    write: async (destination = '') => {
      await client.done(client.addDocuments(destination + full, WRITTEN.replace('%', randomUUID())));
    },
    read: (destination = '') => readAll(destination),
    destroy: async () => {
      for (const name of names) await client.removeIndex(name);
    },
    newDestination: () => {
      made.push(`to_${randomUUID().slice(0, 8)}_`);
      return made.at(-1) ?? '';
    },
    leftovers: async (runIds) => {
      const views = await client.listIndexes();
      return views.filter((view) => runIds.some((id) => JSON.stringify(view).includes(id))).map(({ uid }) => uid);
    },
    clear: async () => {
      for (const prefix of made) for (const name of names) await client.removeIndex(prefix + name);
    },
    byHand: {
      environment: { PATH: '/usr/bin:/bin', MEILI_URL: url, MEILI_KEY: apiKey },
      read: async () => {
        const waiting = await client.tasks({ indexUids: full, statuses: 'enqueued,processing', limit: 100 });
        for (const { uid } of waiting) await client.done(await client.end(uid));
        return readAll('');
      },
    },
    close: async () => {
      for (const name of names) await client.removeIndex(name);
    },
  };
}
