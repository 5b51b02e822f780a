import { randomUUID } from 'node:crypto';
import type { JsonObject } from '#common/domain/json.js';
import { meilisearch } from '#common/engines/meilisearch/meilisearch.engine.js';
import { MeilisearchClient } from '#common/engines/meilisearch/meilisearch-client.js';
import { endpoints } from '#tools/services/endpoints.js';
import { type DamageFixture, defineDamages } from './damage-bed.js';
import type { SeededDamage } from './seeded-damage.js';

const { url, masterKey: apiKey } = endpoints.meilisearch;

/** A restored index. */
export interface Index {
  readonly client: MeilisearchClient;
  readonly uid: string;
}

export const addDocuments = ({ client, uid }: Index, ...documents: readonly object[]) =>
  client.done(client.addDocuments(uid, documents.map((each) => JSON.stringify(each)).join('\n')));

export const changeSettings = ({ client, uid }: Index, settings: JsonObject) =>
  client.done(client.changeSettings(uid, settings));

const toProduct = (id: number): object => ({ id, name: `product ${id}`, cents: id * 10 });

/** An index with all of its documents but some. */
async function makeAnew({ client, uid }: Index, ids: readonly number[]): Promise<void> {
  await client.removeIndex(uid);
  await fill({ client, uid }, ids);
}

async function fill(index: Index, ids: readonly number[]): Promise<void> {
  await index.client.done(index.client.createIndex(index.uid, 'id'));
  await changeSettings(index, { stopWords: ['the'], synonyms: { hat: ['cap'] }, filterableAttributes: ['cents'] });
  await addDocuments(index, ...ids.map(toProduct));
}

const IDS: readonly number[] = Array.from({ length: 30 }, (_, index) => index + 1);

const DAMAGES: readonly Omit<SeededDamage<Index>, 'use'>[] = [
  {
    name: 'an index is lost',
    does: ({ client, uid }) => client.removeIndex(uid),
    found: '{uid}: the index is missing',
  },
  {
    name: 'a document is missing',
    does: (index) => makeAnew(index, IDS.slice(1)),
    found: '{uid}: 29 documents instead of 30',
  },
  {
    name: 'a document was made since',
    does: (index) => addDocuments(index, toProduct(31)),
    found: '{uid}: 31 documents instead of 30',
  },
  {
    name: 'a document is out of date',
    does: (index) => addDocuments(index, { ...toProduct(7), cents: 1 }),
    found: '{uid}: other documents',
  },
  {
    name: 'settings are others',
    does: (index) => changeSettings(index, { stopWords: ['a'] }),
    found: '{uid}: other settings',
  },
  {
    name: 'synonyms are lost',
    does: (index) => changeSettings(index, { synonyms: null }),
    found: '{uid}: other settings',
  },
];

/** One index of products; destinations are prefixes on the same server. */
export const meilisearchDamages = defineDamages(
  'meilisearch',
  DAMAGES.map((damage) => ({ use: 'documents', ...damage })),
  async (): Promise<DamageFixture<Index>> => {
    const client = new MeilisearchClient({ url, apiKey }, new AbortController().signal);
    const name = `products_${randomUUID().slice(0, 8)}`;
    await fill({ client, uid: name }, IDS);
    const made: string[] = [];
    return {
      engine: meilisearch,
      dataset: { url, apiKey, include: [name] },
      target: { url, apiKey },
      method: 'documents',
      newDestination: () => {
        made.push(`to_${randomUUID().slice(0, 8)}_`);
        return made.at(-1) ?? '';
      },
      open: (destination) => ({ client, uid: destination + name }),
      names: (destination) => ({ uid: destination + name }),
      close: async () => {
        for (const prefix of ['', ...made]) await client.removeIndex(prefix + name);
      },
    };
  },
);
