import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { findFreePort } from '#common/testing/free-port.js';
import { isHealthy } from '../health.js';
import { type AskOptions, ask, done, masterKey, type Reply } from './contract/client.js';

const MAIN = fileURLToPath(new URL('./main.js', import.meta.url));

let folder: string;
let base: string;
let child: ChildProcess;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-stand-in-'));
  await start();
});
afterEach(async () => {
  await kill();
  await rm(folder, { recursive: true });
});

async function start(): Promise<void> {
  const port = await findFreePort();
  base = `http://127.0.0.1:${port}`;
  child = spawn(process.execPath, [MAIN, '--port', String(port), '--folder', folder], {
    ...{ env: { ...process.env, MEILI_MASTER_KEY: masterKey }, stdio: 'ignore' },
  });
  while (!(await isHealthy(`${base}/health`))) if (child.exitCode !== null) throw new Error('the stand-in ended');
}

async function kill(): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

const here = (method: string, path: string, body?: unknown, options: AskOptions = {}): Promise<Reply> =>
  ask(method, path, body, { ...options, base });
const settled = (method: string, path: string, body?: unknown, options: AskOptions = {}) =>
  done(here(method, path, body, options), base);

describe('the stand-in for Meilisearch', () => {
  it('says in its version what it is', async () => {
    const { body } = await here('GET', '/version');
    expect(body).toEqual({ pkgVersion: '1.50.0-stand-in', commitSha: 'stand-in', commitDate: 'stand-in' });
  });

  it('refuses by name what it does not know, instead of answering it wrongly', async () => {
    await settled('POST', '/indexes', { uid: 'a', primaryKey: 'id' });
    const { status, body } = await here('POST', '/indexes/a/search', { facets: ['x'] });
    expect({ status, message: body.message }).toEqual({
      status: 400,
      message: 'the stand-in for Meilisearch does not know `facets` in a search: start a real one for it',
    });
    const made = { source: 'rest', url: 'http://127.0.0.1:9', dimensions: 2 };
    await settled('PATCH', '/indexes/a/settings', { embedders: { made } });
    const task = await settled('POST', '/indexes/a/documents', [{ id: 1 }]);
    expect(task).toMatchObject({ status: 'failed', error: { code: 'vector_embedding_error' } });
    expect(task.error.message).toContain('the stand-in for Meilisearch makes none');
  });

  it('holds after kill -9 what it had answered, and goes on with what waited', async () => {
    const raw = '[{"id":9007199254740993,"t":"one"},{"id":2,"t":"two"}]';
    await settled('PATCH', '/indexes/a/settings', { filterableAttributes: ['t'] });
    await settled('POST', '/indexes/a/documents?primaryKey=id', undefined, { raw });
    await settled('POST', '/indexes', { uid: 'b', primaryKey: 'id' });
    await settled('POST', '/swap-indexes', [{ indexes: ['a', 'b'] }]);
    await settled('DELETE', '/indexes/b/documents/2');
    const key = await here('POST', '/keys', { actions: ['search'], indexes: ['*'], expiresAt: null });
    const tasks = (await here('GET', '/tasks')).text;

    for (const times of [1, 2]) {
      const text = 'one two three four five six seven eight nine ten '.repeat(20);
      const heavy = Array.from({ length: 3_000 }, (_, id) => ({ id, text: `${times} ${id} ${text}` }));
      const waiting = await here('POST', '/indexes/c/documents', heavy);
      const cancelled = await here('POST', '/indexes/c/documents', [{ id: 'late' }]);
      await here('POST', `/tasks/cancel?uids=${cancelled.body.taskUid}`);
      await kill();
      await start();
      expect((await done(Promise.resolve(waiting), base)).status).toBe('succeeded');
      expect((await done(Promise.resolve(cancelled), base)).status).toBe('canceled');
      expect((await here('GET', '/indexes/c/documents?limit=0')).body.total).toBe(3_000);
    }
    expect((await here('GET', '/indexes/b/documents')).text).toContain('[{"id":9007199254740993,"t":"one"}]');
    expect((await here('GET', '/indexes/b/settings/filterable-attributes')).body).toEqual(['t']);
    expect((await here('GET', `/keys/${key.body.uid}`)).body).toEqual(key.body);
    expect((await here('GET', '/tasks?from=4')).body.results).toEqual(JSON.parse(tasks).results);
    expect((await here('POST', '/indexes/b/search', { q: 'one' })).body.hits).toHaveLength(1);
  }, 60_000);

  it('finds after a start what changed while a first search made its words', async () => {
    const text = 'one two three four five six seven eight nine ten '.repeat(10);
    const heavy = Array.from({ length: 2_000 }, (_, id) => ({ id, text }));
    await settled('POST', '/indexes/a/documents', heavy);
    await kill();
    await start();
    const find = async (q: string) => (await here('POST', '/indexes/a/search', { q })).body.hits.length;
    const [first] = await Promise.all([
      find('one'),
      settled('PUT', '/indexes/a/documents', [{ id: 7, text: 'changed' }]),
    ]);
    expect([first, await find('changed')]).toEqual([20, 1]);
    await Promise.all([find('one'), settled('DELETE', '/indexes/a/documents')]);
    expect(await find('one')).toBe(0);
  });

  it('opens a file whose last line was cut off by a kill', async () => {
    await settled('POST', '/indexes', { uid: 'a', primaryKey: 'id' });
    await kill();
    await appendFile(join(folder, 'stand-in.jsonl'), '{"entry":"accepted","task":{"uid":');
    await start();
    await settled('POST', '/indexes/a/documents', [{ id: 1 }]);
    await kill();
    await start();
    expect((await here('GET', '/indexes/a/documents')).body.total).toBe(1);
    const lines = (await readFile(join(folder, 'stand-in.jsonl'), 'utf8')).trimEnd().split('\n');
    expect(() => lines.map((line) => JSON.parse(line))).not.toThrow();
  });
});
