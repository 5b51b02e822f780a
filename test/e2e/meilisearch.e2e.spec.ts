import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { MeilisearchClient } from '#common/engines/meilisearch/meilisearch-client.js';
import { Platform } from '#tools/platform/platform.js';
import { endpoints } from '#tools/services/endpoints.js';
import { holdfast } from '../support/cli.js';
import { ask, causedBy } from '../support/request.js';

const { url, masterKey: apiKey } = endpoints.meilisearch;
const client = new MeilisearchClient({ url, apiKey }, new AbortController().signal);
const name = `e2e_${randomUUID().slice(0, 8)}`;
let platform: Platform;
let before: string;

beforeAll(async () => {
  platform = await Platform.start(toPlan());
  await client.done(client.createIndex(name, 'id'));
  await client.done(client.changeSettings(name, { displayedAttributes: ['id'], synonyms: { a: ['b'] } }));
  const lines = Array.from(
    { length: 50 },
    (_, id) => `{"id":${id},"big":${9007199254740993n + BigInt(id)},"none":null}`,
  );
  await client.done(client.addDocuments(name, lines.join('\n')));
  before = await readAll();
}, 120_000);
afterAll(async () => {
  await client.removeIndex(name);
  await platform?.close();
});

const cli = (...args: string[]) => holdfast([...args, '--config', platform.configFile], platform.env);

const readAll = async (): Promise<string> =>
  `${JSON.stringify(await client.settings(name))} ${await client.documents(name, 0, 1_000)}`;

const toPlan = () => {
  const connection = { kind: 'meilisearch', url, apiKey };
  const accepts = { datasets: ['search'], strategies: ['new', 'replace'], destinations: ['same'] };
  return {
    config: {
      datasets: { search: { ...connection, include: [name], repositories: ['store'] } },
      targets: { search: { ...connection, accepts } },
      profiles: { search: { probes: [{ use: 'checksums' }, { use: 'documents' }] } },
    },
  };
};

describe('indexes of Meilisearch', () => {
  it('are checked', async () => {
    const { stdout } = await cli('check', '--dataset', 'search');
    expect(stdout).toContain(`the key reads settings, documents and tasks of ${name}`);
  });

  it('are backed up, deleted, restored through the bus, and proven equal', async () => {
    const asked = await ask(platform, 'backup.requested', { dataset: 'search' });
    const { data } = await platform.next('backup.completed', causedBy(asked));
    expect(data).toMatchObject({ method: 'documents', counts: { indexes: 1, documents: 50 } });
    await client.removeIndex(name);
    const restore = { dataset: 'search', backup: data.backupId, target: 'search', destination: 'same' };
    const restored = await platform.next(
      'restore.completed',
      causedBy(await ask(platform, 'restore.requested', { ...restore, profile: 'search' })),
    );
    const verified = await platform.next(
      'verification.completed',
      ({ data: said }) => said.runId === restored.data.verificationRunId,
    );
    expect(verified.data.verdict).toBe('passed');
    expect(await readAll()).toBe(before);
  }, 120_000);

  it('are backed up and restored by the command line alone, in place of what is there', async () => {
    const taken = await cli('backup', 'run', 'search', '--local');
    expect({ taken }).toMatchObject({ taken: { exitCode: 0 } });
    await client.done(client.addDocuments(name, '{"id":"ghost"}'));
    const place = ['--target', 'search', '--destination', 'same', '--strategy', 'replace', '--profile', 'search'];
    const { exitCode, stdout, stderr } = await cli('restore', 'run', 'search@latest', ...place, '--local');
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
    expect(stdout).toContain('passed');
    expect(await readAll()).toBe(before);
  }, 120_000);

  it('are refused where the index is there', async () => {
    const restore = { dataset: 'search', backup: 'latest', target: 'search', destination: 'same' };
    const asked = await ask(platform, 'restore.requested', restore);
    const failed = await platform.next('restore.failed', causedBy(asked));
    expect(failed.data.error).toMatchObject({ code: 'meilisearch.index-exists' });
  }, 60_000);
});
