import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, it } from '@jest/globals';
import { MeilisearchClient } from '#common/engines/meilisearch/meilisearch-client.js';
import { endpoints } from '#tools/services/endpoints.js';
import { toHolder, toLockName } from './own-indexes.js';
import { RestoreFence } from './restore-fence.js';

const { url, masterKey: apiKey } = endpoints.meilisearch;
const { signal } = new AbortController();
const connection = { url, apiKey };
const client = new MeilisearchClient(connection, signal);
const destination = `spec_${randomUUID().slice(0, 8)}_`;
const open = (runId: string, attempt = 1) =>
  RestoreFence.open(connection, destination, { identity: { runId, attempt }, signal });

afterEach(() => client.removeIndex(toLockName(destination)));

describe('the lock of a destination', () => {
  it('stays with its holder however often others ask for it', async () => {
    const [holder, other] = [randomUUID(), { runId: randomUUID(), attempt: 1 }];
    const fence = await open(holder);
    for (let times = 0; times < 25; times += 1) {
      const asked = await client.createIndex(toLockName(destination), toHolder(other));
      expect(await client.end(asked.uid)).toMatchObject({ status: 'failed' });
    }
    await expect(open(other.runId)).rejects.toMatchObject({ code: 'restore.busy' });
    expect(await fence.isHeld(client)).toBe(true);
    await fence.close();
    await (await open(other.runId)).close();
  });

  it('goes to a later attempt of the run, and never back', async () => {
    const runId = randomUUID();
    const first = await open(runId);
    const second = await open(runId, 2);
    expect(await first.whenLost).toMatchObject({ code: 'claim.lost' });
    await expect(open(runId)).rejects.toMatchObject({ code: 'claim.lost' });
    await first.close();
    expect(await second.isHeld(client)).toBe(true);
    await second.close();
  });
});
