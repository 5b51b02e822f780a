import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { generateAgeKeys } from '#common/sealing/age.js';
import { isAgeInstalled } from '#common/testing/age-program.js';
import type { ShopSummary } from '../../examples/shop/summary.js';
import { holdfast } from '../support/cli.js';
import { ask, causedBy } from '../support/request.js';
import { findSecrets, listObjects, readObject } from '../support/secret-hunt.js';
import { ShopPlatform } from '../support/shop-platform.js';

const withAge = isAgeInstalled ? describe : describe.skip;
let bed: ShopPlatform;
let backupId: string;
let before: ShopSummary;

beforeAll(async () => {
  if (!isAgeInstalled) return;
  bed = await ShopPlatform.start(await generateAgeKeys());
}, 120_000);
afterAll(() => bed?.close());

const summary = () => bed.shop.run<ShopSummary>('summary');
const cli = (...args: string[]) => holdfast([...args, '--config', bed.platform.configFile], bed.platform.env);

withAge('an encrypted repository', () => {
  it('takes backups of which nothing can be read but how much they are', async () => {
    before = await summary();
    const asked = await ask(bed.platform, 'backup.requested', { dataset: 'shop' });
    const completed = await bed.platform.next('backup.completed', causedBy(asked));
    backupId = completed.data.backupId;
    const keys = (await listObjects(bed.platform)).filter((key) => key.includes(backupId));
    expect(keys.map((key) => key.split('/').at(-1)).sort()).toEqual([
      ...['database.dump.zst.age', 'facts.json.zst.age', 'globals.sql.zst.age', 'manifest.json'],
    ]);
    for (const key of keys) expect((await readObject(bed.platform, key)).includes('tenant_isolation')).toBe(false);
  });

  it('is restored through the bus where the database is gone, and proven equal', async () => {
    await bed.shop.run('drop', '--database-only');
    const data = {
      dataset: 'shop',
      backup: backupId,
      target: 'production',
      destination: bed.name,
      profile: 'database',
    };
    const asked = await ask(bed.platform, 'restore.requested', data);
    const restored = await bed.platform.next('restore.completed', causedBy(asked));
    const verified = await bed.platform.next(
      'verification.completed',
      ({ data: said }) => said.runId === restored.data.verificationRunId,
    );
    expect(verified.data.verdict).toBe('passed');
    expect(await summary()).toMatchObject({ orders: before.orders, isConsistent: true });
  });

  it('is restored and proven by the command line alone', async () => {
    const place = ['--target', 'production', '--destination', `${bed.name}_local`, '--profile', 'database'];
    const { exitCode, stdout, stderr } = await cli('restore', 'run', 'shop@latest', ...place, '--local');
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
    expect(stdout).toContain('passed');
  });

  it('is checked by its canary, and refused by name where the identity is another one', async () => {
    expect(await cli('keys', 'check')).toMatchObject({ exitCode: 0 });
    const stranger = { ...bed.platform.env, IDENTITY: (await generateAgeKeys()).identity };
    const args = ['keys', 'check', '--config', bed.platform.configFile];
    const { exitCode, stdout } = await holdfast(args, stranger);
    expect([exitCode, stdout]).toEqual([1, expect.stringContaining('sealing.identity-wrong')]);
  });

  it('shows its identity nowhere', async () => {
    expect(await findSecrets(bed.platform)).toEqual([]);
  });
});
