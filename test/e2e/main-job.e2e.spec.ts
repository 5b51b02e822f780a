import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Meilisearch } from 'meilisearch';
import type { SeenEvent } from '#tools/platform/bus-watch.js';
import { onServer } from '#tools/platform/server-login.js';
import { waitUntil } from '#tools/platform/wait-until.js';
import { endpoints } from '#tools/services/endpoints.js';
import type { ShopSummary } from '../../examples/shop/summary.js';
import { holdfast } from '../support/cli.js';
import { ask, causedBy } from '../support/request.js';
import { findSecrets, listObjects } from '../support/secret-hunt.js';
import { ShopPlatform } from '../support/shop-platform.js';

let bed: ShopPlatform;
let stopProjecting: () => Promise<unknown>;

beforeAll(async () => {
  bed = await ShopPlatform.start();
}, 120_000);
afterAll(() => bed?.close());

const startProjecting = async () => {
  const { stop } = await bed.shop.start('project');
  stopProjecting = stop;
};
const order = (count: number, ...how: string[]) => bed.shop.run('place-orders', '--count', String(count), ...how);
const summary = () => bed.shop.run<ShopSummary>('summary');
const inShop = <Row extends object>(database: string, ...statements: string[]) =>
  onServer<Row>('postgres18', database, ...statements);

async function verify(database: string, profile: string): Promise<SeenEvent> {
  const data = { dataset: 'shop', backup: backupId, target: 'production', destination: database, profile };
  const asked = await ask(bed.platform, 'verification.requested', data);
  return bed.platform.next('verification.completed', causedBy(asked));
}

/** Of every probe that did not pass: its name, verdict, and what its evidence is about. */
const complaints = ({ data }: SeenEvent): string =>
  data.probes
    .filter(({ verdict }: { verdict: string }) => verdict !== 'passed')
    .map((probe: { probe: string; verdict: string; evidence: object[] }) => `${probe.probe}: ${JSON.stringify(probe)}`)
    .join('\n');

let backupId: string;
let before: ShopSummary;
let committed: string;

describe('the main job: backup, disaster, restore, proof, replay', () => {
  it('backs up while a consumer group lags, and knows the place on the bus', async () => {
    await startProjecting();
    await order(12, '--wait');
    await stopProjecting();
    await order(9);
    const asked = await ask(bed.platform, 'backup.requested', { dataset: 'shop' });
    const completed = await bed.platform.next('backup.completed', causedBy(asked));
    backupId = completed.data.backupId;
    committed = completed.data.manifestKey;
    expect(completed.data).toMatchObject({ busPosition: 'proven' });
    expect(await listObjects(bed.platform)).toContain(`prod/${committed}`);
  });

  it('loses the database, and one of its roles with it', async () => {
    await startProjecting();
    await bed.shop.run('change-catalog', '--count', '3');
    await order(15, '--wait');
    before = await summary();
    expect(before).toMatchObject({ orders: 30 + 12 + 9 + 15, isConsistent: true });
    await stopProjecting();
    await bed.shop.run('drop', '--database-only');
    await inShop('postgres', `DROP ROLE ${bed.name}_reader`);
  });

  it('is refused before any change where missing roles are not to be made', async () => {
    const data = { dataset: 'shop', backup: backupId, target: 'strict', destination: bed.name };
    const asked = await ask(bed.platform, 'restore.requested', data);
    const failed = await bed.platform.next('restore.failed', causedBy(asked));
    expect(failed.data.error.code).toBe('restore.roles-missing');
    expect(failed.data.error.message).toContain(`${bed.name}_reader`);
    const there = `SELECT datname FROM pg_database WHERE datname = '${bed.name}'`;
    expect(await inShop('postgres', there)).toEqual([]);
  });

  it('is restored where they are, and the verification that was asked for with it passes', async () => {
    const data = {
      dataset: 'shop',
      backup: backupId,
      target: 'production',
      destination: bed.name,
      profile: 'database',
    };
    const asked = await ask(bed.platform, 'restore.requested', data);
    const restored = await bed.platform.next('restore.completed', causedBy(asked));
    expect(restored.data.findings.createdRoles).toEqual([`${bed.name}_reader`]);
    const verified = await bed.platform.next(
      'verification.completed',
      ({ data: said }) => said.runId === restored.data.verificationRunId,
    );
    expect(complaints(verified)).toBe('');
    expect(verified).toMatchObject({
      correlationId: asked.id,
      data: { verdict: 'passed', backupId, destination: bed.name, restoreRunId: restored.data.runId },
    });
    expect(await summary()).toMatchObject({ orders: 30 + 12, isConsistent: true });
  });

  it('finds the search index ahead of the database, and passes once the shop has rebuilt it', async () => {
    await bed.searchSettled();
    const stale = await verify(bed.name, 'shop');
    expect(stale.data.verdict).toBe('failed');
    expect(complaints(stale)).toMatch(/^search: .*$/);
    await bed.backfillSearch();
    const fresh = await verify(bed.name, 'shop');
    expect(complaints(fresh)).toBe('');
    expect(fresh.data.verdict).toBe('passed');
  });

  it('keeps the verdict beside the backup', async () => {
    const keys = await listObjects(bed.platform);
    expect(keys.filter((key) => key.startsWith(`prod/shop/${backupId}/verdicts/`))).toHaveLength(3);
  });
});

describe('whatever is tampered with in the restored database turns the verdict to failed, and is named', () => {
  it.each([
    [
      'forced row-level security, turned off',
      'rls',
      'public.orders',
      'ALTER TABLE orders NO FORCE ROW LEVEL SECURITY',
      'ALTER TABLE orders FORCE ROW LEVEL SECURITY',
    ],
    [
      'row-level security, turned off',
      'rls',
      'public.users',
      'ALTER TABLE users DISABLE ROW LEVEL SECURITY',
      'ALTER TABLE users ENABLE ROW LEVEL SECURITY',
    ],
    [
      'a policy, loosened',
      'rls',
      'tenant_isolation',
      'ALTER POLICY tenant_isolation ON products USING (true)',
      `ALTER POLICY tenant_isolation ON products USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid)`,
    ],
    [
      'a view, of another owner',
      'privileges',
      'tenant_orders',
      'ALTER VIEW tenant_orders OWNER TO postgres',
      'ALTER VIEW tenant_orders OWNER TO {shop}_reader',
    ],
    [
      'a price, changed',
      'fingerprints',
      'public.products',
      // Triggers off: the row then differs by one number.
      `SET session_replication_role = replica; UPDATE products SET price_cents = price_cents + 1 WHERE sku = 'SKU-1000'`,
      `SET session_replication_role = replica; UPDATE products SET price_cents = price_cents - 1 WHERE sku = 'SKU-1000'`,
    ],
    [
      'a row, added',
      'row-counts',
      'public.rejected_events',
      `INSERT INTO rejected_events VALUES ('t', 0, 0, 'spec')`,
      'DELETE FROM rejected_events',
    ],
  ])('%s', async (_what, ...[probe, named, tamper, undo]) => {
    await inShop(bed.name, tamper);
    const verified = await verify(bed.name, 'database');
    await inShop(bed.name, undo.replace('{shop}', bed.name));
    expect(verified.data.verdict).toBe('failed');
    const complaint = complaints(verified)
      .split('\n')
      .find((line) => line.startsWith(`${probe}: `));
    expect(complaint).toContain(named);
  });

  it('a search document, altered, and another deleted', async () => {
    const { url, masterKey } = endpoints.meilisearch;
    const index = new Meilisearch({ host: url, apiKey: masterKey }).index(bed.name);
    const { results } = await index.getDocuments<{ id: string }>({ limit: 2 });
    const [altered, deleted] = results.map(({ id }) => id) as [string, string];
    await index.updateDocuments([{ id: altered, priceCents: 1 }]).waitTask();
    await index.deleteDocument(deleted).waitTask();
    const verified = await verify(bed.name, 'shop');
    expect(verified.data.verdict).toBe('failed');
    expect(complaints(verified)).toMatch(/^search: .*$/);
    for (const id of [altered, deleted]) expect(complaints(verified)).toContain(id);
    await bed.backfillSearch();
  });

  it('undone, it passes again', async () => {
    const verified = await verify(bed.name, 'shop');
    expect(complaints(verified)).toBe('');
  });
});

describe('the replay', () => {
  it('is refused while the group has members, and moves nothing', async () => {
    await startProjecting();
    const asked = await ask(bed.platform, 'replay.requested', { dataset: 'shop', backup: backupId });
    const failed = await bed.platform.next('replay.failed', causedBy(asked));
    expect(failed.data.error).toMatchObject({ code: 'replay.group-active' });
    await stopProjecting();
  });

  it('is previewed at the command line: what would be read again, and that nothing stands in the way', async () => {
    const { cliConfigFile, env } = bed.platform;
    const line = ['replay', 'plan', '--backup', backupId, '--json', '--config', cliConfigFile];
    const { exitCode, stdout, stderr } = await holdfast(line, env);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    const plan = JSON.parse(stdout) as { partitions: { fromOffset: string; toOffset: string }[] };
    const offsets = plan.partitions.map(({ fromOffset, toOffset }) => Number(toOffset) - Number(fromOffset));
    expect(offsets.reduce((sum, count) => sum + count, 0)).toBe(9 + 15);
  });

  it('brings every order back, also those that the group had not read when the backup was made, none twice', async () => {
    const asked = await ask(bed.platform, 'replay.requested', { dataset: 'shop', backup: backupId });
    const completed = await bed.platform.next('replay.completed', causedBy(asked));
    const partitions = completed.data.partitions as { replayed: number; gap: unknown }[];
    expect(completed.data).toMatchObject({ mode: 'reset', isComplete: true });
    expect(partitions.reduce((sum, { replayed }) => sum + replayed, 0)).toBe(9 + 15);

    await startProjecting();
    const after = await waitUntil('the orders are back', async () => {
      const now = await summary();
      return now.orders >= before.orders && now;
    });
    await stopProjecting();
    const orders = ({ orders: count, totalCents, orderIdsDigest, isConsistent, tenants }: ShopSummary) => ({
      ...{ count, totalCents, orderIdsDigest, isConsistent },
      digests: tenants.map(({ ordersDigest }) => ordersDigest),
    });
    expect(orders(after)).toEqual(orders(before));
  });

  it('says which events are gone when the topic was trimmed meanwhile', async () => {
    const admin = bed.platform.bus.kafka.admin();
    await admin.connect();
    const ends = await admin.fetchTopicOffsets(bed.topic);
    await admin.deleteTopicRecords({
      topic: bed.topic,
      partitions: ends.map(({ partition, high }) => ({ partition, offset: high })),
    });
    await admin.disconnect();
    const asked = await ask(bed.platform, 'replay.requested', { dataset: 'shop', backup: backupId });
    const completed = await bed.platform.next('replay.completed', causedBy(asked));
    const partitions = completed.data.partitions as { replayed: number; gap: { recordsAtMost: string } | null }[];
    expect(completed.data.isComplete).toBe(false);
    expect(partitions.reduce((sum, { gap }) => sum + Number(gap?.recordsAtMost ?? 0), 0)).toBe(9 + 15);
  });
});

describe('in the end', () => {
  it('services stop at SIGTERM with exit code 0, and no secret shows anywhere', async () => {
    expect(await bed.platform.stop()).toEqual({ scheduler: 0, executor: 0, verifier: 0 });
    expect(await findSecrets(bed.platform)).toEqual([]);
  });
});
