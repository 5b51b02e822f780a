import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { type Asked, runOf } from '../support/request.js';
import { onServer } from '../support/server-login.js';
import { Cluster } from './support/cluster.js';
import { findBroken } from './support/invariants.js';
import { descendantsOf } from './support/process-tree.js';
import { backupOf, doWork } from './support/works.js';

let cluster: Cluster;
let asked: Asked;
beforeAll(async () => {
  cluster = await Cluster.start({ apps: ['scheduler', 'executor'] });
  asked = await doWork(cluster, backupOf('shop'));
}, 180_000);
afterAll(() => cluster?.close(), 120_000);

const attemptKey = async (): Promise<string> =>
  (await cluster.catalog<{ key: string }>('SELECT attempt_key AS key FROM holdfast.backups'))[0]?.key ?? '';

const write = async (key: string, text: string): Promise<void> => {
  const { client, bucket: Bucket } = cluster.store;
  await client.send(new PutObjectCommand({ Bucket, Key: `prod/${key}`, Body: text }));
};

/** A suite that finds nothing because it looks at nothing would be green for ever. */
describe('what the fault suite looks for', () => {
  it('is not there after a backup in peace', async () => {
    expect(await findBroken(cluster, [asked])).toEqual([]);
  });

  it('is found, each of it, when somebody puts it there', async () => {
    const runId = runOf(asked);
    const key = await attemptKey();
    await write(`${key}/globals.sql.zst`, 'other bytes');
    await write(`${key.replace(/[/]a1-.*/, '/a7-late')}/manifest.json`, 'not even a manifest');
    await cluster.catalog(
      `INSERT INTO holdfast.outbox (event_id, event_type, topic, key, event, published_at)
       SELECT 'twice', event_type, topic, key, event, published_at
       FROM holdfast.outbox WHERE event_type = 'backup.completed'`,
    );
    await onServer('postgres18', 'postgres', `CREATE DATABASE holdfast_${runId.replaceAll('-', '')}_a3`);
    await mkdir(join(cluster.workDirectory, 'spooled'));
    const session = new pg.Client({ connectionString: cluster.env['SHOP_URL'] });
    await session.connect();
    const child = spawn('sleep', ['60']);
    await once(child, 'spawn');
    cluster.replicaOf('executor').orphans = (await descendantsOf(process.pid)).filter(({ pid }) => pid === child.pid);
    const found = (await findBroken(cluster, [asked], { patienceMs: 1 })).join('\n');
    child.kill();
    await session.end();
    await onServer('postgres18', 'postgres', `DROP DATABASE holdfast_${runId.replaceAll('-', '')}_a3`);
    for (const pattern of [
      /globals[.]sql[.]zst has 11 bytes instead of/,
      /has 2 manifests/,
      /a7-late[/]manifest[.]json cannot be read/,
      new RegExp(`run ${runId} ended 2 times`),
      /is left under construction/,
      /spooled is left in the work directory/,
      /a session of .* is left/,
      /[(]sleep[)] of a killed app still runs/,
    ])
      expect(found).toMatch(pattern);
  });
});
