import { afterAll, describe, expect, it } from '@jest/globals';
import { ask, done, dropIndexes, errorOf, newName } from './client.js';

afterAll(dropIndexes);

const instant = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);

describe('indexes', () => {
  it('are created, read, changed and deleted by tasks', async () => {
    const name = newName();
    const created = await ask('POST', '/indexes', { uid: name, primaryKey: 'sku' });
    expect(created).toMatchObject({ status: 202 });
    expect(created.body).toEqual({
      taskUid: expect.any(Number),
      indexUid: name,
      status: 'enqueued',
      type: 'indexCreation',
      enqueuedAt: instant,
    });
    expect(await done(Promise.resolve(created))).toEqual({
      ...{ uid: created.body.taskUid, batchUid: expect.any(Number), indexUid: name, status: 'succeeded' },
      ...{ type: 'indexCreation', canceledBy: null, details: { primaryKey: 'sku' }, error: null },
      duration: expect.stringMatching(/^PT[\d.]+S$/),
      ...{ enqueuedAt: instant, startedAt: instant, finishedAt: instant },
    });
    const view = { uid: name, primaryKey: 'sku', createdAt: instant, updatedAt: instant };
    expect(await ask('GET', `/indexes/${name}`)).toMatchObject({ status: 200, body: view });

    const changed = await done(ask('PATCH', `/indexes/${name}`, { primaryKey: 'id' }));
    expect(changed).toMatchObject({ type: 'indexUpdate', status: 'succeeded', details: { primaryKey: 'id' } });
    expect((await ask('GET', `/indexes/${name}`)).body.primaryKey).toBe('id');

    const deleted = await done(ask('DELETE', `/indexes/${name}`));
    expect(deleted).toMatchObject({ type: 'indexDeletion', status: 'succeeded', details: { deletedDocuments: 0 } });
    expect(await ask('GET', `/indexes/${name}`)).toMatchObject({ status: 404, body: errorOf('index_not_found') });
  });

  it('are listed in pages', async () => {
    const names = [newName(), newName(), newName()].sort();
    for (const uid of names) await done(ask('POST', '/indexes', { uid }));
    const seen: string[] = [];
    for (let offset = 0; ; offset += 2) {
      const { body } = await ask('GET', `/indexes?offset=${offset}&limit=2`);
      expect(body).toMatchObject({ offset, limit: 2, total: expect.any(Number) });
      seen.push(...body.results.map(({ uid }: { uid: string }) => uid));
      if (body.results.length < 2) break;
    }
    expect(seen.filter((uid) => names.includes(uid))).toEqual(names);
    expect((await ask('GET', '/indexes?limit=x')).body).toEqual(errorOf('invalid_index_limit'));
  });

  it('fail in their task when they are there already, or not there', async () => {
    const name = newName();
    await done(ask('POST', '/indexes', { uid: name }));
    const again = await done(ask('POST', '/indexes', { uid: name }));
    expect(again).toMatchObject({ status: 'failed', error: errorOf('index_already_exists') });
    expect(again.error.message).toBe(`Index \`${name}\` already exists.`);
    const missing = await done(ask('DELETE', `/indexes/${newName()}`));
    expect(missing).toMatchObject({
      status: 'failed',
      error: errorOf('index_not_found'),
      details: { deletedDocuments: 0 },
    });
  });

  it('need a possible name', async () => {
    expect(await ask('POST', '/indexes', { uid: 'no good' })).toMatchObject({
      status: 400,
      body: errorOf('invalid_index_uid'),
    });
    expect(await ask('POST', '/indexes', {})).toMatchObject({ status: 400, body: errorOf('missing_index_uid') });
    expect(await ask('GET', '/indexes/no%20good')).toMatchObject({ status: 400, body: errorOf('invalid_index_uid') });
  });

  it('swap with all that they hold, and the tasks before follow them', async () => {
    const [left, right] = [newName(), newName()];
    const first = await done(ask('POST', `/indexes/${left}/documents?primaryKey=id`, [{ id: 1, is: 'left' }]));
    await done(ask('POST', `/indexes/${right}/documents?primaryKey=sku`, [{ sku: 'a', is: 'right' }, { sku: 'b' }]));
    await done(ask('PATCH', `/indexes/${left}/settings`, { filterableAttributes: ['is'] }));

    const swaps = [{ indexes: [left, right], rename: false }];
    const swap = await done(ask('POST', '/swap-indexes', swaps));
    expect(swap).toMatchObject({ type: 'indexSwap', status: 'succeeded', indexUid: null, details: { swaps } });
    expect((await ask('GET', `/indexes/${right}/documents`)).body.results).toEqual([{ id: 1, is: 'left' }]);
    expect((await ask('GET', `/indexes/${left}`)).body.primaryKey).toBe('sku');
    expect((await ask('GET', `/indexes/${right}/settings`)).body.filterableAttributes).toEqual(['is']);
    expect((await ask('GET', `/tasks/${first.uid}`)).body.indexUid).toBe(right);
  });

  it('swap all or none, and can be renamed', async () => {
    const [there, other, missing] = [newName(), newName(), newName()];
    for (const uid of [there, other]) await done(ask('POST', '/indexes', { uid, primaryKey: uid }));
    const swaps = [{ indexes: [there, missing] }];
    const failed = await done(ask('POST', '/swap-indexes', swaps));
    expect(failed).toMatchObject({ status: 'failed', error: errorOf('index_not_found') });
    expect(failed.error.message).toBe(`Index \`${missing}\` not found.`);

    const renamed = await done(ask('POST', '/swap-indexes', [{ indexes: [there, missing], rename: true }]));
    expect(renamed.status).toBe('succeeded');
    expect((await ask('GET', `/indexes/${missing}`)).body.primaryKey).toBe(there);
    const taken = await done(ask('POST', '/swap-indexes', [{ indexes: [missing, other], rename: true }]));
    expect(taken).toMatchObject({ status: 'failed', error: errorOf('index_already_exists') });

    expect((await ask('POST', '/swap-indexes', [{ indexes: [there] }])).body).toEqual(errorOf('invalid_swap_indexes'));
    const twice = await ask('POST', '/swap-indexes', [{ indexes: [there, there] }]);
    expect(twice).toMatchObject({ status: 400, body: errorOf('invalid_swap_duplicate_index_found') });
  });
});

describe('the server', () => {
  it('says that it is healthy to all, and its version to those with a key', async () => {
    expect(await ask('GET', '/health', undefined, { key: null })).toMatchObject({
      status: 200,
      body: { status: 'available' },
    });
    const { body } = await ask('GET', '/version');
    expect(body.pkgVersion).toMatch(/^1\.50\.\d+/);
    expect(Object.keys(body).sort()).toEqual(['commitDate', 'commitSha', 'pkgVersion']);
  });

  it('counts documents, fields and embeddings of each index', async () => {
    const name = newName();
    await done(ask('POST', `/indexes/${name}/documents?primaryKey=id`, [{ id: 1, a: 1 }, { id: 2 }]));
    const { body } = await ask('GET', `/indexes/${name}/stats`);
    const stats = {
      ...{ numberOfDocuments: 2, isIndexing: false, numberOfEmbeddings: 0, numberOfEmbeddedDocuments: 0 },
      fieldDistribution: { id: 2, a: 1 },
    };
    expect(body).toMatchObject(stats);
    const all = (await ask('GET', '/stats')).body;
    expect(all).toMatchObject({ databaseSize: expect.any(Number), lastUpdate: instant, indexes: { [name]: stats } });
    expect((await ask('GET', `/indexes/${newName()}/stats`)).status).toBe(404);
  });

  it('answers a path that is no route with an empty 404', async () => {
    expect(await ask('GET', '/nowhere')).toEqual({ status: 404, text: '', body: undefined });
  });
});
