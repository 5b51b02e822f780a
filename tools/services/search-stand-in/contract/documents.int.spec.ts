import { afterAll, describe, expect, it } from '@jest/globals';
import { ask, done, dropIndexes, errorOf, newName } from './client.js';

afterAll(dropIndexes);

async function newIndex(documents: readonly object[], settings: object = {}): Promise<string> {
  const name = newName();
  await done(ask('POST', '/indexes', { uid: name, primaryKey: 'id' }));
  await done(ask('PATCH', `/indexes/${name}/settings`, settings));
  if (documents.length > 0) {
    const task = await done(ask('POST', `/indexes/${name}/documents`, documents));
    if (task.status !== 'succeeded') throw new Error(JSON.stringify(task.error));
  }
  return name;
}

const idsIn = async (name: string, filter: unknown): Promise<unknown[]> => {
  const { body } = await ask('POST', `/indexes/${name}/documents/fetch`, { filter, fields: ['id'], limit: 100 });
  return body.results?.map(({ id }: { id: unknown }) => id).sort() ?? body;
};

describe('documents', () => {
  it('are replaced by POST and laid over those that are there by PUT', async () => {
    const name = await newIndex([{ id: 1, a: 1, b: { c: 1 } }]);
    const put = await done(ask('PUT', `/indexes/${name}/documents`, [{ id: 1, a: 2 }, { id: 2 }]));
    expect(put).toMatchObject({
      ...{ type: 'documentAdditionOrUpdate', status: 'succeeded' },
      details: { receivedDocuments: 2, indexedDocuments: 2 },
    });
    expect((await ask('GET', `/indexes/${name}/documents/1`)).body).toEqual({ id: 1, a: 2, b: { c: 1 } });
    await done(ask('POST', `/indexes/${name}/documents`, { id: 1, d: null }));
    expect((await ask('GET', `/indexes/${name}/documents/1`)).body).toEqual({ id: 1, d: null });
  });

  it('come one a line as well', async () => {
    const name = await newIndex([]);
    const lines = { raw: '{"id":1}\n{"id":"b"}\n', contentType: 'application/x-ndjson' };
    const task = await done(ask('POST', `/indexes/${name}/documents`, undefined, lines));
    expect(task.details).toEqual({ receivedDocuments: 2, indexedDocuments: 2 });
    expect((await ask('GET', `/indexes/${name}/documents`)).body.total).toBe(2);
  });

  it('keep every digit of a number and of an id', async () => {
    const name = await newIndex([]);
    const raw = '[{"id":9007199254740993,"n":18446744073709551615,"list":[-9007199254740993]},{"id":9007199254740992}]';
    expect((await done(ask('POST', `/indexes/${name}/documents`, undefined, { raw }))).status).toBe('succeeded');
    const one = await ask('GET', `/indexes/${name}/documents/9007199254740993`);
    expect(one.text).toBe('{"id":9007199254740993,"n":18446744073709551615,"list":[-9007199254740993]}');
    expect((await ask('GET', `/indexes/${name}/documents`)).body.total).toBe(2);
  });

  it('are listed in pages, with the chosen fields', async () => {
    const name = await newIndex(Array.from({ length: 5 }, (_, id) => ({ id, a: { b: id, c: 'x' }, d: 'y' })));
    const seen: unknown[] = [];
    for (let offset = 0; offset < 6; offset += 2) {
      const { body } = await ask('GET', `/indexes/${name}/documents?offset=${offset}&limit=2&fields=id,a.b`);
      expect(body).toMatchObject({ offset, limit: 2, total: 5 });
      seen.push(...body.results);
    }
    expect(seen).toHaveLength(5);
    expect(seen).toEqual(expect.arrayContaining([0, 1, 2, 3, 4].map((id) => ({ id, a: { b: id } }))));
    const fetched = await ask('POST', `/indexes/${name}/documents/fetch`, { offset: 4, limit: 9, fields: ['d'] });
    expect(fetched.body).toEqual({ results: [{ d: 'y' }], offset: 4, limit: 9, total: 5 });
    expect((await ask('GET', `/indexes/${name}/documents?ids=1,3,77&fields=id`)).body.total).toBe(2);
  });

  it('are read in full whatever a search displays', async () => {
    const name = await newIndex([{ id: 1, hidden: 'h' }], { displayedAttributes: ['id'] });
    expect((await ask('GET', `/indexes/${name}/documents`)).body.results).toEqual([{ id: 1, hidden: 'h' }]);
    expect((await ask('GET', `/indexes/${name}/documents/1?fields=hidden`)).body).toEqual({ hidden: 'h' });
    expect((await ask('POST', `/indexes/${name}/search`, {})).body.hits).toEqual([{ id: 1 }]);
  });

  it('are deleted one by one, as a list, by filter, and all', async () => {
    const documents = Array.from({ length: 9 }, (_, id) => ({ id, even: id % 2 === 0 }));
    const name = await newIndex(documents, { filterableAttributes: ['even'] });
    const path = `/indexes/${name}/documents`;
    const one = await done(ask('DELETE', `${path}/1`));
    expect(one).toMatchObject({
      type: 'documentDeletion',
      details: { providedIds: 1, deletedDocuments: 1, originalFilter: null },
    });
    const batch = await done(ask('POST', `${path}/delete-batch`, [0, '2', 77]));
    expect(batch.details).toEqual({ providedIds: 3, deletedDocuments: 2, originalFilter: null });
    const filtered = await done(ask('POST', `${path}/delete`, { filter: 'even = true' }));
    expect(filtered.details).toEqual({ providedIds: 0, deletedDocuments: 3, originalFilter: '"even = true"' });
    expect((await ask('GET', path)).body.total).toBe(3);
    const all = await done(ask('DELETE', path));
    expect(all.details).toMatchObject({ deletedDocuments: 3 });
    expect((await ask('GET', path)).body.total).toBe(0);
  });

  it('are refused as a whole for one that has no possible id', async () => {
    const name = await newIndex([]);
    const path = `/indexes/${name}/documents`;
    for (const [id, code] of [
      ['A/1 ü', 'invalid_document_id'],
      ['', 'invalid_document_id'],
      [1.5, 'invalid_document_id'],
    ]) {
      const task = await done(ask('POST', path, [{ id: 1 }, { id }]));
      expect(task).toMatchObject({ status: 'failed', error: errorOf(String(code)), details: { indexedDocuments: 0 } });
      expect(task.error.message).toContain(`Document identifier \`${JSON.stringify(id)}\` is invalid.`);
    }
    const missing = await done(ask('POST', path, [{ name: 'x' }]));
    expect(missing.error).toEqual(errorOf('missing_document_id'));
    expect((await ask('GET', path)).body.total).toBe(0);
  });

  it('choose the primary key by its name, when there is one', async () => {
    const [one, two, none] = [newName(), newName(), newName()];
    await done(ask('POST', `/indexes/${one}/documents`, [{ productId: 7 }]));
    expect((await ask('GET', `/indexes/${one}`)).body.primaryKey).toBe('productId');
    const many = await done(ask('POST', `/indexes/${two}/documents`, [{ aId: 1, bId: 2 }]));
    expect(many.error).toEqual(errorOf('index_primary_key_multiple_candidates_found'));
    const nothing = await done(ask('POST', `/indexes/${none}/documents`, [{ name: 'x' }]));
    expect(nothing.error).toEqual(errorOf('index_primary_key_no_candidate_found'));
    const other = await done(ask('POST', `/indexes/${one}/documents?primaryKey=sku`, [{ sku: 1 }]));
    expect(other.error).toEqual(errorOf('index_primary_key_already_exists'));
  });

  it('say what is wrong with a request', async () => {
    const name = await newIndex([{ id: 1 }]);
    const path = `/indexes/${name}/documents`;
    const failures = [
      [await ask('POST', path, undefined, { raw: '[{"id":1}' }), 400, 'malformed_payload'],
      [await ask('POST', path, undefined, { raw: '' }), 400, 'missing_payload'],
      [await ask('POST', path, [], { contentType: 'text/plain' }), 415, 'invalid_content_type'],
      [await ask('POST', path, [], { contentType: null }), 415, 'missing_content_type'],
      [await ask('GET', `${path}?limit=x`), 400, 'invalid_document_limit'],
      [await ask('GET', `${path}?color=red`), 400, 'bad_request'],
      [await ask('GET', `${path}/2`), 404, 'document_not_found'],
      [await ask('GET', `/indexes/${newName()}/documents`), 404, 'index_not_found'],
      [await ask('POST', `${path}/delete`, { filter: '' }), 400, 'invalid_document_filter'],
      [await ask('POST', `${path}/delete`, {}), 400, 'missing_document_filter'],
    ] as const;
    for (const [reply, status, code] of failures) expect(reply).toMatchObject({ status, body: errorOf(code) });
  });
});

describe('filters', () => {
  it('ask for fields: equality, order, lists, absence and combinations', async () => {
    const documents = [
      { id: 1, name: 'Ada', price: 10, tags: ['x', 'y'], at: { city: 'Bern' }, none: null },
      { id: 2, name: 'bob "b" smith', price: 20.5, tags: [], at: { city: 'Graz' } },
      { id: 3, name: 'ada', price: -3, tags: ['z'], flag: true },
    ];
    const filterableAttributes = ['name', 'price', 'tags', 'at', 'none', 'flag'];
    const name = await newIndex(documents, { filterableAttributes });
    const answers = [
      ['name = ADA', [1, 3]],
      ['name = "bob \\"b\\" smith"', [2]],
      ['name != ada', [2]],
      ['price > 10', [2]],
      ['price >= 10 AND price < 20.5', [1]],
      ['price -3 TO 10', [1, 3]],
      ['tags = z OR tags = x', [1, 3]],
      ['tags IN [y, "z"]', [1, 3]],
      ['tags NOT IN [y, "z"]', [2]],
      ['at.city = Bern', [1]],
      ['flag = true', [3]],
      ['flag EXISTS', [3]],
      ['flag NOT EXISTS', [1, 2]],
      ['none IS NULL', [1]],
      ['none IS NOT NULL', [2, 3]],
      ['tags IS EMPTY', [2]],
      ['NOT (price = 10 OR name = ada) AND tags IS EMPTY', [2]],
      ['name STARTS WITH bo', [2]],
      [['price > 0', ['tags = x', 'tags = z']], [1]],
      ['', [1, 2, 3]],
    ] as const;
    for (const [filter, ids] of answers) expect({ filter, ids: await idsIn(name, filter) }).toEqual({ filter, ids });
    const byQuery = await ask('GET', `/indexes/${name}/documents?filter=${encodeURIComponent('price > 10')}`);
    expect(byQuery.body.total).toBe(1);
  });

  it('fail for what is not filterable, and for what cannot be read', async () => {
    const name = await newIndex([{ id: 1, a: 1 }]);
    for (const filter of ['a = 1', 'a', 'a = ', '(a = 1']) {
      expect(await idsIn(name, filter)).toEqual(errorOf('invalid_document_filter'));
    }
    const task = await done(ask('POST', `/indexes/${name}/documents/delete`, { filter: 'a = 1' }));
    expect(task).toMatchObject({
      status: 'failed',
      error: errorOf('invalid_document_filter'),
      details: { deletedDocuments: 0 },
    });
    expect(task.error.message).toContain(`Index \`${name}\`: Attribute \`a\` is not filterable.`);
  });
});

describe('vectors', () => {
  const settings = { embedders: { own: { source: 'userProvided', dimensions: 2 } } };

  it('come back when they are asked for, and are found by a filter', async () => {
    const documents = [
      { id: 1, _vectors: { own: [0.5, 1] } },
      {
        id: 2,
        _vectors: {
          own: {
            embeddings: [
              [0, 1],
              [1, 0],
            ],
            regenerate: false,
          },
        },
      },
      { id: 3, _vectors: { own: null } },
      { id: 4, a: 1, _vectors: { own: null } },
    ];
    const name = await newIndex(documents, settings);
    const { body } = await ask('GET', `/indexes/${name}/documents?retrieveVectors=true`);
    const embeddings = new Map(
      body.results.map(({ id, _vectors }: { id: number; _vectors: object }) => [id, _vectors]),
    );
    expect(embeddings.get(1)).toEqual({ own: { embeddings: [[0.5, 1]], regenerate: false } });
    expect(embeddings.get(2)).toEqual({
      own: {
        embeddings: [
          [0, 1],
          [1, 0],
        ],
        regenerate: false,
      },
    });
    expect(embeddings.get(3)).toEqual({ own: { embeddings: [], regenerate: false } });
    expect((await ask('GET', `/indexes/${name}/documents/1`)).body).toEqual({ id: 1 });
    const features = async (multimodal: boolean) => (await ask('PATCH', '/experimental-features', { multimodal })).body;
    expect(await features(false)).toMatchObject({ multimodal: false });
    expect(await idsIn(name, '_vectors EXISTS')).toEqual(errorOf('feature_not_enabled'));
    expect(await features(true)).toMatchObject({ multimodal: true });
    expect((await ask('GET', '/experimental-features')).body).toMatchObject({ multimodal: true });
    expect(await idsIn(name, '_vectors EXISTS')).toEqual([1, 2]);
    expect(await idsIn(name, '_vectors.own EXISTS')).toEqual([1, 2]);
    expect(await idsIn(name, '_vectors.own.userProvided EXISTS')).toEqual([1, 2, 3, 4]);
    expect(await idsIn(name, '_vectors.own.regenerate EXISTS')).toEqual([]);
    expect(await idsIn(name, '_vectors.own NOT EXISTS')).toEqual([3, 4]);
    expect(await idsIn(name, '_vectors.other EXISTS')).toEqual(errorOf('invalid_document_filter'));
    expect((await ask('GET', `/indexes/${name}/stats`)).body).toMatchObject({
      numberOfEmbeddings: 3,
      numberOfEmbeddedDocuments: 2,
    });
  });

  it('are refused with other dimensions, and needed unless a document does without', async () => {
    const name = await newIndex([], settings);
    const task = await done(ask('POST', `/indexes/${name}/documents`, [{ id: 1, _vectors: { own: [1] } }]));
    expect(task).toMatchObject({ status: 'failed', error: errorOf('invalid_vector_dimensions') });
    const without = await done(ask('POST', `/indexes/${name}/documents`, [{ id: 1 }]));
    expect(without).toMatchObject({ status: 'failed', error: errorOf('vector_embedding_error') });
  });
});
