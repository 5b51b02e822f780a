import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { toRunId } from '#common/domain/ids.js';
import { type AppName, AppProcess } from '#tools/platform/app-process.js';
import { newId, Platform } from '#tools/platform/platform.js';
import { dropDatabases, onServer, ServerLogin } from '#tools/platform/server-login.js';
import { waitUntil } from '#tools/platform/wait-until.js';
import { endpoints } from '#tools/services/endpoints.js';
import { StallingGate } from '../support/stalling-gate.js';

/** After so long orchestrators kill. */
const PATIENCE_MS = 30_000;
const names: readonly AppName[] = ['scheduler', 'executor', 'verifier'];
const source = newId();
const { host, port, binDir } = endpoints.postgres18;

let platform: Platform;
let backup: ServerLogin;
let target: ServerLogin;
let gate: StallingGate;
/** Takes connections, and never says a word. */
let silent: Server;
const cutOff = new Map<AppName, AppProcess>();

beforeAll(async () => {
  backup = await ServerLogin.create(`${source}_backup`, 'BYPASSRLS IN ROLE pg_read_all_data');
  target = await ServerLogin.create(`${source}_target`, 'SUPERUSER');
  await onServer('postgres18', 'postgres', `CREATE DATABASE ${source}`);
  await onServer(
    'postgres18',
    source,
    `CREATE TABLE notes AS SELECT n, string_agg(md5(random()::text), '') AS text
     FROM generate_series(1, 4000) n, generate_series(1, 64) GROUP BY n`,
  );
  gate = await StallingGate.open({ host, port, stallAfterBytes: 4 * 1024 * 1024 });
  const dataset = (url: string) => ({ kind: 'postgres', url, repositories: ['storage'], toolDirectories: [binDir] });
  platform = await Platform.start({
    secrets: {
      ...{ SHOP_URL: backup.url(source), SHOP_PASSWORD: backup.password, GATE_URL: backup.url(source, gate.port) },
      ...{ TARGET_URL: target.url('postgres'), TARGET_PASSWORD: target.password },
    },
    config: {
      executor: { claimTtlMs: 600_000, drainMs: 0 },
      datasets: { shop: dataset('${env:SHOP_URL}'), halting: dataset('${env:GATE_URL}') },
      targets: {
        staging: {
          ...{ kind: 'postgres', url: '${env:TARGET_URL}', toolDirectories: [binDir], privileges: 'keep' },
          accepts: { datasets: ['shop'], strategies: ['new'], destinations: [`${source}_*`] },
        },
      },
      profiles: { shop: { probes: [{ use: 'row-counts' }] } },
    },
  });
  await platform.stop();
  silent = createServer((socket) => socket.on('error', () => undefined)).listen(0, '127.0.0.1');
  await once(silent, 'listening');
});

afterAll(async () => {
  for (const app of cutOff.values()) await app.kill();
  await platform?.close();
  await gate?.close();
  silent?.close();
  await dropDatabases('postgres18', `${source}%`);
  await backup?.drop();
  await target?.drop();
});

/** A service whose bus hangs, from its start to its end. */
async function startCutOff(name: AppName): Promise<AppProcess> {
  const config = JSON.parse(await readFile(platform.configFile, 'utf8')) as { bus: object };
  const { port: brokerPort } = silent.address() as AddressInfo;
  config.bus = { ...config.bus, brokers: [`127.0.0.1:${brokerPort}`], directAfterMs: 1_000 };
  const configFile = join(platform.folder, 'cut-off.yaml');
  await writeFile(configFile, JSON.stringify(config));
  const app = AppProcess.start(name, { configFile, env: platform.env });
  cutOff.set(name, app);
  const isReady = () => app.log.some(({ msg }) => msg === `${name} is ready`);
  await waitUntil(`${name} is ready`, isReady, { explain: () => app.tail() });
  return app;
}

async function askApi(type: string, data: object): Promise<string> {
  const id = `${type} ${JSON.stringify(data)}`.slice(0, 200);
  const response = await fetch(new URL(`/api/v1/requests/${type}`, cutOff.get('scheduler')?.url), {
    method: 'POST',
    headers: { authorization: `Bearer token-${platform.id}`, 'content-type': 'application/json' },
    body: JSON.stringify({ id, data }),
  });
  expect(response.status).toBe(202);
  return id;
}

const sourceOf = () => `holdfast://${platform.id.replace('_', '-')}`;
const runsInState = async (state: string) =>
  (
    await platform.catalog<{ what: string }>(
      `SELECT kind || ' ' || dataset AS what FROM holdfast.runs WHERE state = '${state}' ORDER BY 1`,
    )
  ).map(({ what }) => what);
const explain = () => [...cutOff.values()].map((app) => app.tail()).join('\n');

describe('while the bus hangs, from before the services start', () => {
  it('they start, take requests of every kind from the outbox, and do the work', async () => {
    for (const name of names) await startCutOff(name);
    await askApi('backup.requested', { dataset: 'shop' });
    await waitUntil('the backup is made', async () => (await runsInState('completed')).length === 1, { explain });
    await askApi('restore.requested', {
      dataset: 'shop',
      target: 'staging',
      destination: `${source}_back`,
      profile: 'shop',
    });
    await waitUntil('it is restored and verified', async () => (await runsInState('completed')).length === 3, {
      explain,
    });
    expect(await runsInState('completed')).toEqual(['backup shop', 'restore shop', 'verification shop']);
    const replay = await askApi('replay.requested', { dataset: 'shop', backup: 'latest' });
    const answer = `SELECT outcome FROM holdfast.audit WHERE subject = '${replay}'`;
    await waitUntil('the replay is answered', async () => (await platform.catalog(answer)).length === 1, { explain });
    expect(await platform.catalog(answer)).toEqual([{ outcome: 'rejected' }]);
  });

  it('they stop before a service manager loses patience, and give back what they worked on', async () => {
    const halting = await askApi('backup.requested', { dataset: 'halting' });
    await gate.stalled;
    const stopped = await Promise.all(names.map((name) => cutOff.get(name)?.stop(PATIENCE_MS)));
    expect(stopped).toEqual([0, 0, 0]);
    const row = `SELECT state, attempt, attempts_forgiven AS forgiven FROM holdfast.runs WHERE id = '${toRunId(sourceOf(), halting)}'`;
    expect(await platform.catalog(row)).toEqual([{ state: 'queued', attempt: 1, forgiven: 1 }]);
    const leases = `SELECT name FROM holdfast.leases WHERE name = 'relay' AND expires_at > clock_timestamp()`;
    expect(await platform.catalog(leases)).toEqual([]);
    gate.release();
  });
});

describe('when the bus is back', () => {
  it('everything is published, requests and facts, and what was done is not done again', async () => {
    for (const name of names) await platform.startApp(name);
    const unpublished = 'SELECT topic FROM holdfast.outbox WHERE published_at IS NULL';
    await platform.next('backup.completed', ({ data }) => data.dataset === 'halting');
    await waitUntil('nothing waits for the bus', async () => (await platform.catalog(unpublished)).length === 0);
    const last = await platform.next('verification.completed');
    expect(last.data.verdict).toBe('passed');
    for (const [type, count] of [
      ...[['backup.requested', 2] as const, ['backup.completed', 2] as const],
      ...[['restore.requested', 1] as const, ['restore.completed', 1] as const],
      ...[['verification.requested', 1] as const, ['verification.completed', 1] as const],
      ...[['replay.requested', 1] as const, ['replay.rejected', 1] as const],
    ]) {
      await waitUntil(`${type} is said`, () => new Set(platform.bus.of(type).map(({ id }) => id)).size === count);
    }
    expect(await runsInState('completed')).toEqual([
      'backup halting',
      'backup shop',
      'restore shop',
      'verification shop',
    ]);
    expect(await platform.catalog('SELECT id FROM holdfast.runs')).toHaveLength(4);
    expect(await platform.stop()).toEqual({ scheduler: 0, executor: 0, verifier: 0 });
  });
});
