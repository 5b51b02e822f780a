import { afterAll, describe, expect, it } from '@jest/globals';
import { ask, errorOf } from './client.js';

const made: string[] = [];
afterAll(async () => {
  for (const uid of made) await ask('DELETE', `/keys/${uid}`);
});

describe('webhooks', () => {
  it('are listed to a key that may see them, and to no other', async () => {
    const { status, body } = await ask('GET', '/webhooks');
    expect({ status, body }).toEqual({ status: 200, body: { results: expect.any(Array) } });
    const keyOf = async (action: string): Promise<string> => {
      const key = await ask('POST', '/keys', { actions: [action], indexes: ['*'], expiresAt: null });
      made.push(key.body.uid);
      return key.body.key;
    };
    expect((await ask('GET', '/webhooks', undefined, { key: await keyOf('webhooks.get') })).status).toBe(200);
    const refused = await ask('GET', '/webhooks', undefined, { key: await keyOf('documents.get') });
    expect(refused).toMatchObject({ status: 403, body: errorOf('invalid_api_key', 'auth') });
  });
});
