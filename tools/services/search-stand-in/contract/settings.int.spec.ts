import { afterAll, describe, expect, it } from '@jest/globals';
import { ask, done, dropIndexes, errorOf, newName } from './client.js';

afterAll(dropIndexes);

async function newIndex(): Promise<string> {
  const name = newName();
  await done(ask('POST', '/indexes', { uid: name, primaryKey: 'id' }));
  return name;
}

const defaults = {
  displayedAttributes: ['*'],
  searchableAttributes: ['*'],
  filterableAttributes: [],
  sortableAttributes: [],
  rankingRules: ['words', 'typo', 'proximity', 'attributeRank', 'sort', 'wordPosition', 'exactness'],
  stopWords: [],
  synonyms: {},
  distinctAttribute: null,
  typoTolerance: {
    ...{ enabled: true, disableOnWords: [], disableOnAttributes: [] },
    minWordSizeForTypos: { oneTypo: 5, twoTypos: 9 },
  },
  faceting: { maxValuesPerFacet: 100, sortFacetValuesBy: { '*': 'alpha' } },
  pagination: { maxTotalHits: 1000 },
  embedders: {},
  searchCutoffMs: null,
};

describe('settings', () => {
  it('are the defaults until they are changed, and after they are reset', async () => {
    const name = await newIndex();
    const path = `/indexes/${name}/settings`;
    expect((await ask('GET', path)).body).toMatchObject(defaults);
    const change = {
      filterableAttributes: ['a'],
      stopWords: ['the'],
      typoTolerance: { minWordSizeForTypos: { oneTypo: 4 } },
    };
    const task = await done(ask('PATCH', path, change));
    expect(task).toMatchObject({ type: 'settingsUpdate', status: 'succeeded', details: change });
    const { body } = await ask('GET', path);
    expect(body).toMatchObject({
      ...defaults,
      filterableAttributes: ['a'],
      stopWords: ['the'],
      typoTolerance: { enabled: true },
    });
    expect(body.typoTolerance.minWordSizeForTypos).toEqual({ oneTypo: 4, twoTypos: 9 });
    await done(ask('PATCH', path, { stopWords: null }));
    expect((await ask('GET', path)).body).toMatchObject({ filterableAttributes: ['a'], stopWords: [] });
    await done(ask('DELETE', path));
    expect((await ask('GET', path)).body).toMatchObject(defaults);
  });

  it('are read and changed one by one', async () => {
    const path = `/indexes/${await newIndex()}/settings/sortable-attributes`;
    await done(ask('PUT', path, ['price']));
    expect((await ask('GET', path)).body).toEqual(['price']);
    await done(ask('DELETE', path));
    expect((await ask('GET', path)).body).toEqual([]);
  });

  it('make the index when there is none, and are not there for one that is not', async () => {
    const name = newName();
    expect(await ask('GET', `/indexes/${name}/settings`)).toMatchObject({
      status: 404,
      body: errorOf('index_not_found'),
    });
    await done(ask('PATCH', `/indexes/${name}/settings`, { searchableAttributes: ['a'] }));
    expect((await ask('GET', `/indexes/${name}/settings`)).body.searchableAttributes).toEqual(['a']);
  });

  it('hide the key of an embedder, in the settings and in the task', async () => {
    const path = `/indexes/${await newIndex()}/settings`;
    const secret = 'a-very-long-secret-that-must-not-be-shown';
    const rest = {
      source: 'rest',
      url: 'http://127.0.0.1:9',
      dimensions: 2,
      request: '{{text}}',
      response: '{{embedding}}',
    };
    const task = await done(ask('PATCH', path, { embedders: { made: { ...rest, apiKey: secret } } }));
    expect(task.status).toBe('succeeded');
    expect(task.details.embedders.made.apiKey).toBe('a-verXXXXXX...');
    const { body } = await ask('GET', path);
    expect(body.embedders.made).toMatchObject({ ...rest, apiKey: 'a-verXXXXXX...' });
    await done(ask('PATCH', path, { embedders: { made: null } }));
    expect((await ask('GET', path)).body.embedders).toEqual({});
  });

  it('refuse what is no setting', async () => {
    const path = `/indexes/${await newIndex()}/settings`;
    expect(await ask('PATCH', path, { color: 'red' })).toMatchObject({ status: 400, body: errorOf('bad_request') });
    const wrong = await ask('PATCH', path, { filterableAttributes: 'a' });
    expect(wrong).toMatchObject({ status: 400, body: errorOf('invalid_settings_filterable_attributes') });
  });
});

describe('search', () => {
  const documents = [
    { id: 1, name: 'Mountain bicycle', tenant: 'a', price: 30 },
    { id: 2, name: 'Bicycle bell', tenant: 'b', price: 10 },
    { id: 3, name: 'Wooden spoon', tenant: 'a', price: 20 },
  ];
  const idsOf = async (name: string, body: object): Promise<unknown> => {
    const found = (await ask('POST', `/indexes/${name}/search`, body)).body;
    return found.hits?.map(({ id }: { id: number }) => id) ?? found;
  };
  const newShop = async (): Promise<string> => {
    const name = await newIndex();
    const attributes = {
      filterableAttributes: ['tenant'],
      sortableAttributes: ['price'],
      searchableAttributes: ['name'],
    };
    await done(ask('PATCH', `/indexes/${name}/settings`, attributes));
    await done(ask('POST', `/indexes/${name}/documents`, documents));
    return name;
  };

  it('finds words, beginnings of words and words with a typo', async () => {
    const name = await newShop();
    expect(await idsOf(name, { q: 'bicycle', sort: ['price:asc'] })).toEqual([2, 1]);
    expect(await idsOf(name, { q: 'SPO' })).toEqual([3]);
    expect(await idsOf(name, { q: 'moumtain' })).toEqual([1]);
    expect(await idsOf(name, { q: 'bicycle bell', matchingStrategy: 'all' })).toEqual([2]);
    expect(await idsOf(name, { q: 'nothing' })).toEqual([]);
    expect(await idsOf(name, { q: 'a' })).toEqual([]);
  });

  it('filters, sorts and pages', async () => {
    const name = await newShop();
    expect(await idsOf(name, { filter: 'tenant = a', sort: ['price:desc'] })).toEqual([1, 3]);
    const page = (await ask('POST', `/indexes/${name}/search`, { sort: ['price:asc'], offset: 1, limit: 1 })).body;
    expect(page).toMatchObject({ hits: [documents[2]], query: '', offset: 1, limit: 1, estimatedTotalHits: 3 });
    const some = await ask('POST', `/indexes/${name}/search`, { q: 'spoon', attributesToRetrieve: ['price'] });
    expect(some.body.hits).toEqual([{ price: 20 }]);
  });

  it('forgets what was changed and deleted', async () => {
    const name = await newShop();
    await done(ask('PUT', `/indexes/${name}/documents`, [{ id: 3, name: 'Iron ladle' }]));
    await done(ask('DELETE', `/indexes/${name}/documents/1`));
    expect([await idsOf(name, { q: 'spoon' }), await idsOf(name, { q: 'ladle' })]).toEqual([[], [3]]);
    expect(await idsOf(name, { q: 'bicycle' })).toEqual([2]);
  });

  it('says what is wrong', async () => {
    const name = await newShop();
    expect(await idsOf(name, { filter: 'price = 1' })).toEqual(errorOf('invalid_search_filter'));
    expect(await idsOf(name, { sort: ['name:asc'] })).toEqual(errorOf('invalid_search_sort'));
    expect(await idsOf(name, { color: 'red' })).toEqual(errorOf('bad_request'));
    expect(await idsOf(newName(), {})).toEqual(errorOf('index_not_found'));
  });
});
