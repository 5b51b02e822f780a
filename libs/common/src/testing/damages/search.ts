import { MeilisearchClient } from '#common/engines/meilisearch/meilisearch-client.js';
import { postgres } from '#common/engines/postgres/postgres.engine.js';
import { type PgConnection, withDatabase } from '#common/pg/connection.js';
import { execute, onServer, RestoredShop } from '#common/testing/restored-shop.js';
import { endpoints } from '#tools/services/endpoints.js';
import { type DamageFixture, defineDamages } from './damage-bed.js';
import type { SeededDamage } from './seeded-damage.js';

const { url, masterKey: apiKey } = endpoints.meilisearch;
const IDS: readonly number[] = Array.from({ length: 60 }, (_, index) => index + 1);

/** A restored database, and the index that serves it. */
interface Searched {
  readonly database: PgConnection;
  readonly client: MeilisearchClient;
  readonly index: string;
}

const toProduct = (id: number): object => ({ id, name: `product ${id}`, cents: id * 10 });

const add = ({ client, index }: Omit<Searched, 'database'>, documents: readonly object[]) =>
  client.done(client.addDocuments(index, documents.map((each) => JSON.stringify(each)).join('\n')));

async function fill(searched: Omit<Searched, 'database'>, ids: readonly number[]): Promise<void> {
  const { client, index } = searched;
  await client.removeIndex(index);
  await client.done(client.createIndex(index, 'id'));
  await add(searched, ids.map(toProduct));
}

const DAMAGES: readonly Omit<SeededDamage<Searched>, 'use'>[] = [
  {
    name: 'a document is missing',
    does: (place) =>
      fill(
        place,
        IDS.filter((id) => id !== 7),
      ),
    found: 'document 7: is missing from the index',
  },
  {
    name: 'a document is an orphan',
    does: (place) => add(place, [toProduct(99)]),
    found: 'document 99: is an orphan: the database has no such row',
  },
  {
    name: 'a document is stale',
    does: (place) => add(place, [{ ...toProduct(9), cents: 1 }]),
    found: 'document 9: is stale in cents',
  },
  {
    name: 'a row went whose document stayed',
    does: ({ database }) => execute(database, ['DELETE FROM products WHERE id = 11']),
    found: 'document 11: is an orphan',
  },
  {
    name: 'the index is lost',
    does: ({ client, index }) => client.removeIndex(index),
    found: 'index {index}: the index is missing',
  },
];

/** The products of a shop, restored, and an index of them for each restore. */
export const searchDamages = defineDamages(
  'search',
  DAMAGES.map((damage) => ({ use: 'search', ...damage })),
  async (): Promise<DamageFixture<Searched>> => {
    const shop = await RestoredShop.create();
    const client = new MeilisearchClient({ url, apiKey }, new AbortController().signal);
    const { url: server, binDir } = endpoints.postgres18;
    const source = shop.connection.database;
    const made: string[] = [];
    const remove = async (name: string): Promise<void> => {
      await onServer(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
      await client.removeIndex(name);
    };
    return {
      engine: postgres,
      dataset: { url: `${server.replace(/[/][^/]*$/, '')}/${source}`, toolDirectories: [binDir] },
      target: { url: server, toolDirectories: [binDir], privileges: 'keep' },
      method: 'dump',
      newDestination: () => {
        made.push(`${source}_searched_${made.length}`);
        return made.at(-1) ?? '';
      },
      open: (index) => ({ database: withDatabase(shop.connection, index), client, index }),
      names: (index) => ({ index }),
      params: (_, index) => ({ url, apiKey, index, query: 'SELECT id, name, cents FROM products' }),
      copy: async (restored, index) => {
        await onServer(`CREATE DATABASE ${index} TEMPLATE ${restored}`);
        await fill({ client, index }, IDS);
      },
      remove,
      close: async () => {
        for (const name of made) await remove(name);
        await shop.drop();
      },
    };
  },
);
