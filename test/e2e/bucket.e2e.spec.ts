import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { BucketBed } from '#common/testing/bucket-bed.js';
import { Platform } from '#tools/platform/platform.js';
import { holdfast } from '../support/cli.js';
import { ask, causedBy } from '../support/request.js';
import { findSecrets } from '../support/secret-hunt.js';

let media: BucketBed;
let standby: BucketBed;
let replica: BucketBed;
let platform: Platform;
let before: Record<string, string>;

const placeOf = (bed: BucketBed, prefix = '') => ({
  ...bed.options(prefix),
  ...{ kind: 'bucket', secretAccessKey: '${env:S3_KEY}' },
});

function mirrorOf(bed: BucketBed) {
  const { kind: _, ...place } = placeOf(bed, 'copy');
  return { ...place, every: '1m' };
}

beforeAll(async () => {
  [media, standby, replica] = [await BucketBed.make(), await BucketBed.make(), await BucketBed.make()];
  for (let number = 0; number < 30; number += 1)
    await media.put(`products/${number}.png`, `picture ${number}`, { ContentType: 'image/png' });
  await media.put('products/wie ü + %2F.txt', 'a name', { Metadata: { owner: 'shop' }, Tagging: 'kind=odd' });
  const accepts = { datasets: ['media'], strategies: ['new', 'sync', 'mirror'], destinations: ['products', 'trial/*'] };
  platform = await Platform.start({
    config: {
      datasets: { media: { ...placeOf(media, 'products'), repositories: ['storage'], mirror: mirrorOf(replica) } },
      targets: {
        production: { ...placeOf(media), accepts },
        standby: { ...placeOf(standby), accepts },
      },
      profiles: { media: { probes: [{ use: 'checksums' }, { use: 'inventory', digests: 'full' }] } },
    },
  });
}, 120_000);
afterAll(async () => {
  await platform?.close();
  await media?.dispose();
  await standby?.dispose();
  await replica?.dispose();
});

const cli = (...args: string[]) => holdfast([...args, '--config', platform.configFile], platform.env);

async function restoreOnBus(data: object) {
  const asked = await ask(platform, 'restore.requested', { dataset: 'media', profile: 'media', ...data });
  const restored = await platform.next('restore.completed', causedBy(asked));
  const { verificationRunId } = restored.data;
  return platform.next('verification.completed', ({ data: said }) => said.runId === verificationRunId);
}

describe('a bucket', () => {
  it('is backed up through the bus', async () => {
    before = await media.contents('products/');
    const asked = await ask(platform, 'backup.requested', { dataset: 'media' });
    const completed = await platform.next('backup.completed', causedBy(asked));
    expect(completed.data).toMatchObject({ kind: 'bucket', method: 'snapshot', counts: { objects: 31, read: 31 } });
  });

  it('is mirrored all the time, which is said once the replica has caught up', async () => {
    const resumed = await platform.next('archive.resumed', ({ data }) => data.dataset === 'media');
    expect(resumed.data).toMatchObject({ archiver: 'mirror', position: expect.stringMatching(/^31 objects, /) });
    expect(await replica.contents('copy/')).toEqual(before);
    expect(await cli('mirror', 'show', 'media')).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('by nothing'),
    });
  });

  it('is restored straight from the replica through the bus, when the bucket and all backups of it are of no use', async () => {
    await media.destroy();
    const asked = await ask(platform, 'backup.requested', { dataset: 'media', method: 'replica' });
    await platform.next('backup.completed', causedBy(asked));
    const place = { backup: 'latest:replica', target: 'standby', destination: 'trial/replica' };
    expect((await restoreOnBus(place)).data.verdict).toBe('passed');
    expect(await standby.contents('trial/replica/')).toEqual(before);
    expect(await cli('mirror', 'run', 'media')).toMatchObject({ stderr: expect.stringContaining('mirror.shrunk') });
    expect(await replica.contents('copy/')).toEqual(before);
  });

  it('is restored through the bus where all of it was lost, and proven equal', async () => {
    await media.destroy();
    const verified = await restoreOnBus({ backup: 'latest', target: 'production', destination: 'products' });
    expect(verified.data.verdict).toBe('passed');
    expect(await media.contents('products/')).toEqual(before);
    expect(await media.served('products/wie ü + %2F.txt')).toMatchObject({
      ...{ Metadata: { owner: 'shop' }, TagSet: [{ Key: 'kind', Value: 'odd' }] },
    });
  });

  it('is brought back to what it was by mirror, also where objects came and changed since', async () => {
    await media.put('products/0.png', 'another picture');
    await media.put('products/later.png', 'came later');
    const verified = await restoreOnBus({
      backup: 'latest',
      target: 'production',
      destination: 'products',
      strategy: 'mirror',
    });
    expect(verified.data.verdict).toBe('passed');
    expect(await media.contents('products/')).toEqual(before);
  });

  it('gives one object and all below a prefix back through the bus, and leaves the rest as it is', async () => {
    await media.put('products/0.png', 'another picture');
    await media.put('products/1.png', 'another picture');
    const place = { dataset: 'media', target: 'production', destination: 'products', strategy: 'sync' };
    const asked = await ask(platform, 'restore.requested', { ...place, parts: ['0.png', '2*'] });
    const restored = await platform.next('restore.completed', causedBy(asked));
    expect(restored.data).toMatchObject({ parts: ['0.png', '2*'] });
    const after = await media.contents('products/');
    expect(Object.keys(before).filter((key) => after[key] !== before[key])).toEqual(['1.png']);
    await media.put('products/1.png', 'picture 1', { ContentType: 'image/png' });
  });

  it('refuses to prove a part by a profile of the whole, before it changes anything', async () => {
    const place = { dataset: 'media', target: 'production', destination: 'products', strategy: 'sync' };
    const asked = await ask(platform, 'restore.requested', { ...place, parts: ['0.png'], profile: 'media' });
    const rejected = await platform.next('restore.rejected', causedBy(asked));
    expect(rejected.data).toMatchObject({ error: { code: 'request.refused' } });
  });

  it('is backed up and planned by the command line alone', async () => {
    const backup = await cli('backup', 'run', 'media', '--local', '--json');
    expect(backup).toMatchObject({ exitCode: 0 });
    await standby.put('trial/1/left.txt', 'was there');
    const place = ['media@latest', '--target', 'standby', '--destination', 'trial/1', '--local'];
    const plan = await cli('restore', 'plan', ...place, '--strategy', 'mirror');
    expect(plan).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/removes +1: "left.txt"/) });
  });

  it('is restored and proven by the command line alone', async () => {
    const place = ['media@latest', '--target', 'standby', '--destination', 'trial/1', '--local'];
    const refused = await cli('restore', 'run', ...place);
    expect([refused.exitCode, refused.stderr]).toEqual([3, expect.stringContaining('bucket.not-empty')]);
    const restored = await cli('restore', 'run', ...place, '--strategy', 'sync');
    expect(restored).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('left.txt') });
    const proven = await cli('restore', 'run', ...place.with(4, 'trial/2'), '--profile', 'media');
    expect(proven).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('passed') });
    expect(await standby.contents('trial/2/')).toEqual(before);
    const one = await cli('restore', 'run', ...place.with(4, 'trial/3'), '--parts', '7.png', '2*');
    expect(one).toMatchObject({ exitCode: 0 });
    const expected = Object.entries(before).filter(([key]) => key === '7.png' || key.startsWith('2'));
    expect(await standby.contents('trial/3/')).toEqual(Object.fromEntries(expected));
    expect(await cli('backup', 'run', 'media', '--method', 'replica', '--local')).toMatchObject({ exitCode: 0 });
    const straight = await cli('restore', 'run', ...place.with(0, 'media@latest:replica').with(4, 'trial/4'));
    expect(straight).toMatchObject({ exitCode: 0 });
    expect(await standby.contents('trial/4/')).toEqual(before);
    expect(await standby.keys('.holdfast/')).toEqual([]);
  }, 180_000);

  it('is checked by name', async () => {
    const { exitCode, stdout } = await cli('check', '--dataset', 'media');
    expect({ exitCode, stdout }).toMatchObject({ stdout: expect.stringContaining('dataset media: listing') });
  });

  it('shows no secret anywhere', async () => {
    expect(await findSecrets(platform)).toEqual([]);
  });
});
