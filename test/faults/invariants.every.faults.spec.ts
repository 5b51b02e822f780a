import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { onServer } from '#tools/platform/server-login.js';
import { type Asked, runOf } from '../support/request.js';
import { readObject } from '../support/secret-hunt.js';
import { Cluster } from './support/cluster.js';
import { findBroken } from './support/invariants.js';
import { findLeftHolds } from './support/left-holds.js';
import { descendantsOf } from './support/process-tree.js';
import { replayReset } from './support/replays.js';
import { listStorage, PREFIX } from './support/stored-backups.js';
import { backupOf, doWork, placeOf, prepareRestored, proveAndRepeat, restoreInPlace } from './support/works.js';

let cluster: Cluster;
let asked: Asked;
let findLeft = (_runIds: readonly string[]): string[] => [];
beforeAll(async () => {
  cluster = await Cluster.start({ apps: ['scheduler', 'executor'], findLeft: async (runIds) => findLeft(runIds) });
  await prepareRestored(cluster, placeOf(cluster));
  asked = await doWork(cluster, backupOf('shop'));
}, 180_000);
afterAll(() => cluster?.close(), 120_000);

interface Stored {
  readonly id: string;
  readonly key: string;
}

/** The newest backup, and where its attempt lies. */
const stored = async (): Promise<Stored> => {
  const [backup] = await cluster.catalog<Stored>(
    'SELECT id, attempt_key AS key FROM holdfast.backups ORDER BY id DESC LIMIT 1',
  );
  if (backup === undefined) throw new Error('there is no backup');
  return backup;
};

const write = async (key: string, text: string | Buffer): Promise<void> => {
  const { client, bucket: Bucket } = cluster.storage;
  const Body = Buffer.from(text);
  await client.send(new PutObjectCommand({ Bucket, Key: PREFIX + key, Body, ContentLength: Body.length }));
};

const hold = (of: string, name: string, livesMs: number | null): Promise<void> => {
  const file = { formatVersion: 1, name, reason: 'spec', by: 'spec', livesMs };
  return write(`_control/backups/${of.replace(/[/]a\d+-.*$/, '')}/holds/${name}.json`, JSON.stringify(file));
};

/** The whole backup once more, under an id that no event names. */
async function copyBackup({ id, key }: Stored, as: string): Promise<void> {
  const keys = [...(await listStorage(cluster)).keys()].filter((one) => one.startsWith(key));
  for (const one of keys) {
    const bytes = await readObject(cluster, PREFIX + one);
    const copy = one.endsWith('manifest.json') ? bytes.toString('utf8').replaceAll(id, as) : bytes;
    await write(one.replace(id, as), copy);
  }
}

/** A suite that finds nothing because it looks at nothing would be green for ever. */
describe('what the fault suite looks for', () => {
  it('is not there after a backup in peace', async () => {
    expect(await findBroken(cluster, [asked])).toEqual([]);
  });

  it('is not there where an attempt that was swept writes its manifest late: it makes nothing, and goes', async () => {
    const { key } = await stored();
    const late = key.replace(/[/]a1-.*/, '/a9-late');
    await write(`_control/backups/${late}/swept`, '');
    await write(`${late}/manifest.json`, await readObject(cluster, `${PREFIX}${key}/manifest.json`).then(String));
    expect(await findBroken(cluster, [asked])).toEqual([]);
    expect((await listStorage(cluster)).has(`${late}/manifest.json`)).toBe(false);
  });

  it('is found where the work was done, before the next run repairs it', async () => {
    await restoreInPlace.prepare?.(cluster);
    const done = await doWork(cluster, restoreInPlace);
    expect(await restoreInPlace.findBroken?.(cluster, done)).toEqual([]);
    await restoreInPlace.prepare?.(cluster);
    const { broken } = await proveAndRepeat(cluster, restoreInPlace, done);
    expect(broken).toEqual([expect.stringContaining('"orders":101')]);
    expect(await restoreInPlace.findBroken?.(cluster, asked)).toEqual([expect.stringMatching(/has safety dumps of /)]);
    await replayReset.prepare?.(cluster);
    expect(await replayReset.findBroken?.(cluster, asked)).toEqual(['the projector stands at 200 instead of 100']);
  });

  it('is found of holds: those of no run, those of an attempt that no other followed, and those that never run out', async () => {
    const { key } = await stored();
    await hold(key, `backup-${runOf(asked)}-abcdef`, 60_000);
    await hold(key, 'backup-of-no-run', 60_000);
    await hold(key, 'for-ever', null);
    const found = (await findLeftHolds(cluster)).join('\n');
    expect(found).toMatch(/backup-of-no-run[.]json is the hold of no run/);
    expect(found).toContain(`run ${runOf(asked)} left as many holds as it had attempts: 1`);
    expect(await findBroken(cluster, [asked])).toEqual([expect.stringMatching(/for-ever[.]json holds for ever/)]);
    expect(await findLeftHolds(cluster)).toEqual([]);
  });

  it('is found, each of it, when the test puts it there', async () => {
    const runId = runOf(asked);
    // Else its sweep may tidy up first.
    await cluster.replicaOf('executor').stop();
    const backup = await stored();
    const { key } = backup;
    const uncalled = randomUUID();
    await copyBackup(backup, uncalled);
    await cluster.catalog(
      `INSERT INTO holdfast.runs (
         id, kind, state, dataset, resource, requested_by, request_id, max_attempts, settled_at, problem, request
       )
       SELECT gen_random_uuid(), kind, 'failed', dataset, resource, requested_by, request_id || n, 1, now(), '{}',
         request || '{"schedule": "nightly", "slotAt": "2026-01-01T02:00:00.000Z"}'
       FROM holdfast.runs, generate_series(1, 2) n WHERE id = '${runId}'`,
    );
    await write(`${key}/globals.sql.zst`, 'other bytes');
    await write(`${key.replace(/[/]a1-.*/, '/a7-late')}/manifest.json`, 'not even a manifest');
    await cluster.catalog(
      `INSERT INTO holdfast.outbox (event_id, event_type, topic, key, event, published_at)
       SELECT 'twice', event_type, topic, key, event, published_at
       FROM holdfast.outbox WHERE event_type = 'backup.completed'`,
    );
    await onServer('postgres18', 'postgres', `CREATE DATABASE holdfast_${runId.replaceAll('-', '')}_a3`);
    await mkdir(join(cluster.workDirectory, 'spooled'));
    findLeft = (runIds) => runIds.map((id) => `the lock of ${id}`);
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
      new RegExp(`${uncalled}[/].*manifest[.]json can be read and was never called completed`),
      /slot 2026-01-01T02:00:00[.]000Z of nightly is 2 runs/,
      /a7-late[/]manifest[.]json cannot be read/,
      new RegExp(`run ${runId} ended 2 times`),
      /is left under construction/,
      /spooled is left in the work directory/,
      new RegExp(`the lock of ${runId} is left by a dead attempt`),
      /a session of .* is left/,
      /[(]sleep[)] of a killed app still runs/,
    ])
      expect(found).toMatch(pattern);
  });
});
