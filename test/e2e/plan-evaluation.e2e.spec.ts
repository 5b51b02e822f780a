import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newId, Platform } from '#tools/platform/platform.js';
import { dropDatabases, newPassword, onServer, ServerLogin } from '#tools/platform/server-login.js';
import { waitUntil } from '#tools/platform/wait-until.js';
import { endpoints } from '#tools/services/endpoints.js';
import { holdfast } from '../support/cli.js';

const shop = newId();
const target = `${shop}_back`;
const toolDirectories = [endpoints.postgres18.binDir];
const token = newPassword();

let login: ServerLogin;
let platform: Platform;

const cli = (...args: string[]) => holdfast([...args, '--json', '--config', platform.cliConfigFile], platform.env);

const listed = async () => {
  const { evaluations } = JSON.parse((await cli('recovery', 'list')).stdout);
  return evaluations[0];
};

beforeAll(async () => {
  login = await ServerLogin.create(`${shop}_owner`, 'CREATEDB IN ROLE pg_read_all_data');
  await onServer('postgres18', 'postgres', `CREATE DATABASE ${shop} OWNER ${login.user}`);
  await onServer('postgres18', shop, 'CREATE TABLE products (name text PRIMARY KEY)');
  platform = await Platform.start({
    config: {
      scheduler: { evaluateEveryMs: 1_000, firstEvaluationAfterMs: 0 },
      datasets: { shop: { kind: 'postgres', url: '${env:SHOP_URL}', repositories: ['storage'], toolDirectories } },
      targets: {
        production: {
          ...{ kind: 'postgres', url: '${env:SHOP_URL}', toolDirectories },
          accepts: { datasets: ['shop'], strategies: ['new'], destinations: [target] },
        },
      },
      plans: {
        shop: {
          steps: [
            { name: 'tell', use: 'exec', command: ['true'], env: { TOKEN: '${env:TOKEN}' }, repeatable: true },
            { name: 'restore', use: 'restore', dataset: 'shop', target: 'production', destination: target },
          ],
        },
        elsewhere: {
          evaluate: false,
          steps: [{ name: 'no', use: 'exec', command: ['/no/such/program'], repeatable: true }],
        },
      },
    },
    secrets: { SHOP_URL: login.url(shop), TOKEN: token },
    services: ['scheduler'],
  });
}, 120_000);
afterAll(async () => {
  await platform?.close();
  await dropDatabases('postgres18', `${shop}%`);
  await login?.drop();
});

describe('a recovery plan', () => {
  it('that would fail is an event, a metric and a line of the list before it is needed', async () => {
    const { data } = await platform.next('recovery.endangered');
    expect(data).toMatchObject({
      plan: 'shop',
      problems: [{ check: expect.stringContaining('step restore'), code: 'backup.missing', hint: expect.any(String) }],
    });
    expect(await listed()).toMatchObject({ plan: 'shop', wouldSucceed: false });
    expect(await metrics()).toContain('holdfast_plan_would_succeed{plan="shop",service="scheduler"} 0');
  }, 120_000);

  it('is reassured by a backup, with what a recovery would take and lose', async () => {
    expect(await cli('backup', 'run', 'shop', '--local')).toMatchObject({ exitCode: 0 });
    const { data } = await platform.next('recovery.reassured', () => true, { timeoutMs: 60_000 });
    expect(data).toMatchObject({
      plan: 'shop',
      forecast: { rpoSeconds: expect.any(Number), unmeasured: ['tell', 'restore'], eventsToReplay: null },
    });
    expect(await listed()).toMatchObject({ wouldSucceed: true, problems: [] });
    expect(await metrics()).toMatch(/holdfast_plan_rpo_seconds\{plan="shop",service="scheduler"} \d/);
  }, 120_000);

  it('has one event for one danger, is left out where its configuration says so, and shows no secret', async () => {
    const { evaluatedAt: seen } = await listed();
    await waitUntil('it was evaluated once more', async () => (await listed()).evaluatedAt !== seen);
    const told = platform.bus.events.filter(({ type }) => type.startsWith('recovery.'));
    expect(told.map(({ type, data: { plan } }) => `${type} ${plan}`)).toEqual([
      'recovery.endangered shop',
      'recovery.reassured shop',
    ]);
    expect(JSON.stringify(told)).not.toContain(token);
  }, 120_000);
});

async function metrics(): Promise<string> {
  const { url } = platform.app('scheduler');
  return (await fetch(new URL('/metrics', url))).text();
}
