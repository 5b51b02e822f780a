import { afterAll, describe, expect, it } from '@jest/globals';
import { ask, type Body, done, dropIndexes, errorOf, newName } from './client.js';

const made: string[] = [];
afterAll(async () => {
  for (const uid of made) await ask('DELETE', `/keys/${uid}`);
  await dropIndexes();
});

async function newKey(change: object = {}): Promise<Body> {
  const wish = { actions: ['documents.get'], indexes: ['*'], expiresAt: null, ...change };
  const { status, body } = await ask('POST', '/keys', wish);
  if (status !== 201) throw new Error(JSON.stringify(body));
  made.push(body.uid);
  return body;
}

describe('keys', () => {
  it('are made, read, listed, renamed and deleted', async () => {
    const key = await newKey({ name: 'reader', description: 'reads' });
    const instant = expect.stringMatching(/^\d{4}-/);
    expect(key).toEqual({
      ...{
        name: 'reader',
        description: 'reads',
        key: expect.stringMatching(/^[0-9a-f]{64}$/),
        uid: expect.any(String),
      },
      ...{ actions: ['documents.get'], indexes: ['*'], expiresAt: null, createdAt: instant, updatedAt: instant },
    });
    expect((await ask('GET', `/keys/${key.uid}`)).body).toEqual(key);
    expect((await ask('GET', `/keys/${key.key}`)).body).toEqual(key);
    const { body } = await ask('GET', '/keys?limit=1000');
    expect(body).toMatchObject({ offset: 0, limit: 1000, total: body.results.length });
    expect(body.results).toContainEqual(key);
    expect((await ask('PATCH', `/keys/${key.uid}`, { name: 'other' })).body).toMatchObject({
      name: 'other',
      key: key.key,
    });
    const fixed = await ask('PATCH', `/keys/${key.uid}`, { actions: ['*'] });
    expect(fixed).toMatchObject({ status: 400, body: errorOf('immutable_api_key_actions') });
    expect((await ask('DELETE', `/keys/${key.uid}`)).status).toBe(204);
    expect(await ask('GET', `/keys/${key.uid}`)).toMatchObject({ status: 404, body: errorOf('api_key_not_found') });
  });

  it('come back with a uid of their own, and then with the same secret', async () => {
    const key = await newKey();
    await ask('DELETE', `/keys/${key.uid}`);
    expect((await newKey({ uid: key.uid })).key).toBe(key.key);
    const again = await ask('POST', '/keys', { uid: key.uid, actions: ['*'], indexes: ['*'], expiresAt: null });
    expect(again).toMatchObject({ status: 409, body: errorOf('api_key_already_exists') });
  });

  it('are needed, and have to be right', async () => {
    const without = await ask('GET', '/indexes', undefined, { key: null });
    expect(without).toMatchObject({ status: 401, body: errorOf('missing_authorization_header', 'auth') });
    const wrong = await ask('GET', '/indexes', undefined, { key: 'wrong' });
    expect(wrong).toMatchObject({ status: 403, body: errorOf('invalid_api_key', 'auth') });
  });

  it('allow their actions only, on their indexes only, until they expire', async () => {
    const [name, other] = [newName(), newName()];
    for (const uid of [name, other]) await done(ask('POST', `/indexes/${uid}/documents`, [{ id: 1 }]));
    const status = async (key: Body, method: string, path: string, body?: unknown) =>
      (await ask(method, path, body, { key: key.key })).status;
    const reader = await newKey({ actions: ['documents.get', 'tasks.get', 'indexes.get'], indexes: [`${name}*`] });
    expect(await status(reader, 'GET', `/indexes/${name}/documents`)).toBe(200);
    expect(await status(reader, 'GET', `/indexes/${other}/documents`)).toBe(403);
    expect(await status(reader, 'POST', `/indexes/${name}/documents`, [{ id: 2 }])).toBe(403);
    expect(await status(reader, 'POST', `/indexes/${name}/search`, {})).toBe(403);
    expect(await status(reader, 'GET', '/keys')).toBe(403);
    const listed = (await ask('GET', '/indexes', undefined, { key: reader.key })).body;
    expect(listed.results.map(({ uid }: { uid: string }) => uid)).toEqual([name]);
    const tasks = (await ask('GET', '/tasks?limit=1000', undefined, { key: reader.key })).body.results;
    expect(new Set(tasks.map(({ indexUid }: { indexUid: string }) => indexUid))).toEqual(new Set([name]));

    const group = await newKey({ actions: ['documents.*'] });
    expect(await status(group, 'DELETE', `/indexes/${name}/documents/1`)).toBe(202);
    const brief = await newKey({ expiresAt: new Date(Date.now() + 1_500).toISOString() });
    expect(await status(brief, 'GET', `/indexes/${name}/documents`)).toBe(200);
    await new Promise((resolve) => setTimeout(resolve, 1_800));
    expect(await status(brief, 'GET', `/indexes/${name}/documents`)).toBe(403);
  });

  it('are refused without what they need', async () => {
    const complete = { actions: ['search'], indexes: ['*'], expiresAt: null };
    const failures = [
      [{ ...complete, actions: ['fly'] }, 'invalid_api_key_actions'],
      [{ ...complete, indexes: ['no good'] }, 'invalid_api_key_indexes'],
      [{ ...complete, expiresAt: '2020-01-01' }, 'invalid_api_key_expires_at'],
      [{ ...complete, actions: undefined }, 'missing_api_key_actions'],
      [{ ...complete, indexes: undefined }, 'missing_api_key_indexes'],
      [{ ...complete, expiresAt: undefined }, 'missing_api_key_expires_at'],
    ] as const;
    for (const [body, code] of failures) {
      expect(await ask('POST', '/keys', body)).toMatchObject({ status: 400, body: errorOf(code) });
    }
  });
});
