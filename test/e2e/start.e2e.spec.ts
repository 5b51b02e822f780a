import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newId } from '#tools/platform/platform.js';
import { dropDatabases, onServer } from '#tools/platform/server-login.js';
import { endpoints } from '#tools/services/endpoints.js';

const folder = mkdtempSync(join(tmpdir(), 'holdfast-start-'));
const database = newId();
let holder: Server;

beforeAll(async () => {
  await onServer('postgres18', 'postgres', `CREATE DATABASE ${database}`);
  holder = createServer().listen(0, '127.0.0.1');
  await once(holder, 'listening');
});
afterAll(async () => {
  holder.close();
  await dropDatabases('postgres18', database);
  rmSync(folder, { recursive: true });
});

/** Starts one service and waits for its end; the last `cannot start` line of its log, and its exit code. */
function start(app: string, config: string) {
  const file = join(folder, 'holdfast.yaml');
  writeFileSync(file, config);
  const main = join(process.cwd(), 'dist/bin', `${app}.js`);
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, '--config', file], { encoding: 'utf8' });
  const said = stdout.split('\n').find((line) => line.includes('cannot start'));
  return { status, stderr, said: said === undefined ? undefined : JSON.parse(said) };
}

describe.each(['scheduler', 'executor', 'verifier'])('the %s that cannot start', (app) => {
  it('names what is wrong in the configuration, with a hint and without a stack', () => {
    const { status, said, stderr } = start(app, 'repositories: {}\ndatasets: {}\nexecuter: {}\n');
    expect({ status, stderr }).toEqual({ status: 2, stderr: '' });
    expect(said).toMatchObject({
      code: 'config.invalid',
      hint: expect.any(String),
      msg: expect.stringContaining('executer'),
    });
  });

  it('names the port that another process holds', () => {
    const { port } = holder.address() as AddressInfo;
    const { status, said } = start(
      app,
      `bus: { brokers: ['${endpoints.kafka.bootstrap}'], topicPrefix: '${database}.', createTopics: false }
catalog: { url: '${endpoints.postgres18.url.replace(/[^/]+$/, database)}' }
repositories: {}
datasets: {}
${app}: { http: { port: ${port} } }
`,
    );
    expect(status).toBe(2);
    expect(said).toMatchObject({ code: 'service.port-taken', msg: expect.stringContaining(String(port)) });
  });
});
