import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newId, Platform } from '#tools/platform/platform.js';
import { dropDatabases, onServer, urlOf } from '#tools/platform/server-login.js';
import { endpoints } from '#tools/services/endpoints.js';
import { holdfast } from '../support/cli.js';
import { ask, causedBy } from '../support/request.js';

const shop = newId();
let platform: Platform;
let good: string;
let strange: string;

const cli = (...args: string[]) => holdfast([...args, '--json', '--config', platform.cliConfigFile], platform.env);

async function backUp(): Promise<string> {
  const asked = await ask(platform, 'backup.requested', { dataset: 'shop' });
  return String((await platform.next('backup.completed', causedBy(asked))).data.backupId);
}

const planned = async () =>
  JSON.parse((await cli('retention', 'plan', '--dataset', 'shop', '--local')).stdout).plans[0];
const metrics = async () => (await fetch(new URL('/metrics', platform.app('scheduler').url))).text();

beforeAll(async () => {
  await onServer('postgres18', 'postgres', `CREATE DATABASE ${shop}`);
  await onServer('postgres18', shop, 'CREATE TABLE orders AS SELECT generate_series(1, 2000) AS id');
  platform = await Platform.start({
    config: {
      datasets: {
        shop: {
          ...{ kind: 'postgres', url: '${env:SHOP_URL}', repositories: ['storage'] },
          ...{ toolDirectories: [endpoints.postgres18.binDir], retention: { last: 1, minimumGood: 1 } },
        },
      },
    },
    secrets: { SHOP_URL: urlOf('postgres18', { database: shop }) },
    services: ['scheduler', 'executor'],
  });
  good = await backUp();
}, 120_000);
afterAll(async () => {
  await platform?.close();
  await dropDatabases('postgres18', `${shop}%`);
});

describe('a backup of a database that lost most of its rows', () => {
  it('is kept, and is an event, a metric and a mark in the list', async () => {
    await onServer('postgres18', shop, 'DELETE FROM orders WHERE id > 20');
    strange = await backUp();
    const { data } = await platform.next('backup.suspicious');
    expect(data).toMatchObject({ dataset: 'shop', backupId: strange, reasons: ['20 rows, where 2000 are usual'] });
    const { backups } = JSON.parse((await cli('backup', 'list')).stdout);
    expect(backups).toMatchObject([
      { id: strange, state: 'whole', suspicion: { reasons: ['20 rows, where 2000 are usual'], acceptedBy: null } },
      { id: good, suspicion: null },
    ]);
    expect(await metrics()).toContain('holdfast_backups_suspicious{dataset="shop",service="scheduler"} 1');
  });

  it('keeps everything of its dataset, until an operator has looked', async () => {
    const { refusals, backups } = await planned();
    expect(refusals).toEqual([
      { method: 'dump', reason: expect.stringContaining(`holdfast backup accept ${strange}`) },
    ]);
    expect(backups).toMatchObject([
      { id: strange, isKept: true },
      { id: good, isKept: true, reasons: [expect.stringContaining('suspicious')] },
    ]);
    const without = await cli('backup', 'accept', good, '--reason', 'all is well');
    expect(without).toMatchObject({ exitCode: 3, stdout: expect.stringContaining('is not suspicious') });
    expect(await cli('backup', 'accept', strange)).toMatchObject({ exitCode: 2 });
  });

  it('is usual from then on, with the reason where auditors find it', async () => {
    expect(await cli('backup', 'accept', strange, '--reason', 'orders were archived')).toMatchObject({ exitCode: 0 });
    const { data } = await platform.next('backup.accepted');
    expect(data).toMatchObject({ dataset: 'shop', backupId: strange, reason: 'orders were archived' });
    const [entry] = await platform.catalog<{ outcome: string; detail: object }>(
      `SELECT outcome, detail FROM holdfast.audit WHERE action = 'backup.accept' AND subject = '${strange}'`,
    );
    expect(entry).toMatchObject({ outcome: 'accepted', detail: { reason: 'orders were archived' } });
    expect(await metrics()).toContain('holdfast_backups_suspicious{dataset="shop",service="scheduler"} 0');
    expect(await planned()).toMatchObject({ refusals: [], backups: [{ id: strange }, { id: good, isKept: false }] });
  });
});
