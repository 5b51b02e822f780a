import { join } from 'node:path';
import { DeleteObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { PointDocument } from '#common/contracts/point-document.js';
import { BucketBed } from '#common/testing/bucket-bed.js';
import { newId, Platform } from '#tools/platform/platform.js';
import { dropDatabases, onServer, urlOf } from '#tools/platform/server-login.js';
import { endpoints } from '#tools/services/endpoints.js';
import { holdfast } from '../support/cli.js';
import { ask, causedBy } from '../support/request.js';

const shop = newId();
const toolDirectories = [endpoints.postgres18.binDir];
const url = urlOf('postgres18', { database: shop });
const target = `${shop}_back`;

let media: BucketBed;
let spare: BucketBed;
let platform: Platform;
let first: PointDocument;
let second: PointDocument;

const placeOf = (bed: BucketBed) => ({ ...bed.options(), kind: 'bucket', secretAccessKey: '${env:S3_KEY}' });

/** A product and its picture, as an application writes them: the picture first. */
async function sell(name: string): Promise<void> {
  await media.put(`pictures/${name}.png`, `the picture of ${name}`);
  await onServer('postgres18', shop, `INSERT INTO products VALUES ('${name}')`);
}

const cli = (...args: string[]) => holdfast([...args, '--json', '--config', platform.cliConfigFile], platform.env);

async function seen() {
  const rows = await onServer<{ name: string }>('postgres18', target, 'SELECT name FROM products ORDER BY name');
  const pictures = (await spare.keys()).filter((key) => key.startsWith('pictures/'));
  return { products: rows.map(({ name }) => name), pictures: pictures.sort() };
}

/** Without it there is no backup. */
async function removeManifest(backupId: string): Promise<void> {
  const { bucket: Bucket, client } = platform.storage;
  const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket }));
  const found = Contents.find(({ Key = '' }) => Key.includes(`shop/${backupId}/`) && Key.endsWith('/manifest.json'));
  await client.send(new DeleteObjectCommand({ Bucket, Key: found?.Key }));
}

beforeAll(async () => {
  [media, spare] = [await BucketBed.make(), await BucketBed.make()];
  await onServer('postgres18', 'postgres', `CREATE DATABASE ${shop}`);
  await onServer('postgres18', shop, 'CREATE TABLE products (name text PRIMARY KEY)');
  await sell('lamp');
  platform = await Platform.start({
    config: {
      recovery: { directory: '/nowhere' },
      datasets: {
        shop: { kind: 'postgres', url: '${env:SHOP_URL}', repositories: ['storage'], toolDirectories },
        media: { ...placeOf(media), repositories: ['storage'] },
      },
      targets: {
        production: {
          ...{ kind: 'postgres', url: '${env:SHOP_URL}', toolDirectories },
          accepts: { datasets: ['shop'], strategies: ['new'], destinations: [target] },
        },
        pictures: {
          ...placeOf(spare),
          accepts: { datasets: ['media'], strategies: ['new', 'mirror'], destinations: ['/'] },
        },
      },
      points: {
        platform: { members: [{ dataset: 'media' }, { dataset: 'shop', refersTo: ['media'] }], maxSkew: '1m' },
      },
      plans: {
        everything: {
          point: 'platform',
          steps: [
            { name: 'database', use: 'restore', dataset: 'shop', target: 'production', destination: target },
            { name: 'pictures', use: 'restore', dataset: 'media', target: 'pictures', destination: '/' },
          ],
        },
      },
    },
    secrets: { SHOP_URL: url },
  });
}, 120_000);
afterAll(async () => {
  await platform?.close();
  await dropDatabases('postgres18', `${shop}%`);
  await media?.dispose();
  await spare?.dispose();
});

describe('a recovery point', () => {
  it('is taken through the bus, the dataset that refers to the other first, and says how well its members agree', async () => {
    const asked = await ask(platform, 'point.requested', { point: 'platform' });
    const { data } = await platform.next('point.completed', causedBy(asked));
    expect(data).toMatchObject({
      ...{ point: 'platform', agrees: true, problems: [], maxSkewMs: 60_000 },
      members: [
        { dataset: 'shop', method: 'dump', refersTo: ['media'], offsetMs: 0 },
        { dataset: 'media', method: 'snapshot', refersTo: [] },
      ],
    });
    first = data as unknown as PointDocument;
    const [ofShop, ofMedia] = first.members.map(({ snapshotAt }) => Date.parse(snapshotAt));
    expect(ofMedia).toBeGreaterThanOrEqual(ofShop ?? Number.POSITIVE_INFINITY);
    expect(first.skewMs).toBe((ofMedia ?? 0) - (ofShop ?? 0));
    const backups = platform.bus.events.filter(({ type }) => type === 'backup.completed');
    expect(backups.map(({ data: { backupId } }) => backupId).sort()).toEqual(
      first.members.map(({ backupId }) => backupId).sort(),
    );
  });

  it('is taken at the command line too, and listed with what is gone of it', async () => {
    await sell('chair');
    const taken = await cli('recovery-points', 'take', 'platform', '--wait');
    expect(taken).toMatchObject({ exitCode: 0 });
    second = JSON.parse(taken.stdout).result;
    const { points } = JSON.parse((await cli('recovery-points', 'list')).stdout);
    expect(points).toMatchObject([
      { pointId: second.pointId, gone: [], problems: [] },
      { pointId: first.pointId, gone: [] },
    ]);
  });

  it('is refused by name where the configuration has none', async () => {
    const asked = await ask(platform, 'point.requested', { point: 'other' });
    const { data } = await platform.next('point.rejected', causedBy(asked));
    expect(data).toMatchObject({ point: 'other', error: { code: 'request.refused' } });
  });
});

describe('with services, catalog and bus gone', () => {
  beforeAll(async () => {
    await platform.stop();
  });

  it('the members for a wanted moment are chosen, and a moment that cannot be met names the nearest', async () => {
    const at = new Date(Date.parse(second.at) - 1).toISOString();
    const chosen = await cli('recovery-points', 'show', 'platform', '--at', at);
    expect(JSON.parse(chosen.stdout)).toMatchObject({ at: first.at, members: toIds(first) });
    const newest = await cli('recovery-points', 'show', 'platform', '--local');
    expect(JSON.parse(newest.stdout)).toMatchObject({ at: second.at, members: toIds(second) });
    const { exitCode, stdout } = await cli('recovery-points', 'show', 'platform', '--at', '2020-01-01T00:00:00Z');
    expect(exitCode).toBe(2);
    expect(JSON.parse(stdout).error).toMatchObject({
      code: 'point.unreachable',
      context: { nearestBefore: null, nearestAfter: first.at },
      hint: expect.stringContaining(first.at),
    });
  });

  it('a plan brings every dataset back to one moment, whatever came later', async () => {
    const state = join(platform.folder, 'recovery');
    const named = ['everything', '--state', state, '--recovery-point', first.pointId];
    const planned = JSON.parse((await cli('recovery', 'plan', ...named)).stdout);
    expect(planned).toMatchObject({ point: { at: first.at }, refusals: [] });
    const ran = await cli('recovery', 'run', ...named);
    expect(ran).toMatchObject({ exitCode: 0 });
    expect(JSON.parse(ran.stdout)).toMatchObject({
      point: { name: 'platform', at: first.at },
      restored: first.members.map(({ dataset, backupId }) => ({ dataset, backupId })),
    });
    expect(await seen()).toEqual({ products: ['lamp'], pictures: ['pictures/lamp.png'] });
  });

  it('a point is taken in one process, and a member that is gone is said', async () => {
    const taken = await cli('recovery-points', 'take', 'platform', '--local');
    expect(taken).toMatchObject({ exitCode: 0 });
    const third: PointDocument = JSON.parse(taken.stdout);
    expect(third).toMatchObject({ problems: [], members: [{ dataset: 'shop' }, { dataset: 'media' }] });
    const manifest = third.members[0]?.backupId ?? '';
    await removeManifest(manifest);
    const { points } = JSON.parse((await cli('recovery-points', 'list')).stdout);
    expect(points[0]).toMatchObject({ pointId: third.pointId, gone: ['shop'] });
  });
});

const toIds = ({ members }: PointDocument) =>
  members
    .toSorted((a, b) => a.dataset.localeCompare(b.dataset))
    .map(({ dataset, backupId }) => ({ dataset, backupId }));
