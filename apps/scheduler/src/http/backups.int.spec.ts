import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type INestApplication, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { BackupListView } from '#common/contracts/api-views.js';
import { silentLogger } from '#common/telemetry/logger.js';
import { CatalogTestBed } from '#common/testing/catalog-test-bed.js';
import { ApiController, SERVICE } from './api.controller.js';
import { problemFilter } from './problem-filter.js';

@Module({})
class ApiModule {}

/** Two copies each: 64 backups are 128 lines of a list. */
const BACKUPS = `
  WITH made AS (
    INSERT INTO holdfast.backups (id, run_id, dataset, method, purpose, state, attempt_key, size_bytes, source_size_bytes,
      snapshot_at, completed_at, kind, counts, bus_position, manifest)
    SELECT ('018f0000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, gen_random_uuid(), $1, 'dump', 'regular', 'completed',
      'key', 10, 20, '2026-01-01T00:00:00Z', '2026-01-01T00:01:00Z', 'postgres', '{"tables":3}', 'proven', '{}'
    FROM generate_series(1, 64) AS n
    RETURNING id
  )
  INSERT INTO holdfast.backup_copies (backup_id, repository, manifest_key, size_bytes)
  SELECT id, repository, 'm', 10 FROM made CROSS JOIN (VALUES ('onsite'), ('offsite')) AS copy (repository)`;

let bed: CatalogTestBed;
let app: INestApplication;
beforeAll(async () => {
  bed = await CatalogTestBed.open();
  await bed.admin.query(BACKUPS, ['shop']);
  const providers = [{ provide: SERVICE, useValue: { catalog: bed.catalog } }];
  app = await NestFactory.create({ module: ApiModule, controllers: [ApiController], providers }, { logger: false });
  app.useGlobalFilters(problemFilter(silentLogger));
  await app.listen(0, '127.0.0.1');
});
afterAll(async () => {
  await app?.close();
  await bed?.close();
});

async function ask(query: string): Promise<BackupListView> {
  const response = await fetch(`${await app.getUrl()}/api/v1/backups?${query}`);
  return (await response.json()) as BackupListView;
}

describe('GET backups', () => {
  it('says how many copies there are when it shows only the newest, and pages on', async () => {
    const first = await ask('dataset=shop');
    expect([first.backups.length, first.total]).toEqual([100, 128]);
    const before = first.backups.at(-1)?.id ?? '';
    expect(before.endsWith('15')).toBe(true);
    const rest = await ask(`dataset=shop&before=${before}`);
    expect([rest.backups.length, rest.total]).toEqual([28, 128]);
    expect((await ask('limit=1')).backups).toHaveLength(2);
    expect(await ask('dataset=other')).toEqual({ backups: [], total: 0 });
  });

  it('reads no manifest, which may name thousands of tables', async () => {
    await bed.admin.query('ALTER TABLE holdfast.backups RENAME manifest TO out_of_reach');
    const { backups } = await ask('limit=1');
    await bed.admin.query('ALTER TABLE holdfast.backups RENAME out_of_reach TO manifest');
    expect(backups.map(({ repository }) => repository).sort()).toEqual(['offsite', 'onsite']);
    expect(backups[0]).toMatchObject({
      ...{
        id: '018f0000-0000-7000-8000-000000000064',
        dataset: 'shop',
        kind: 'postgres',
        method: 'dump',
        purpose: 'regular',
      },
      ...{ snapshotAt: '2026-01-01T00:00:00.000Z', completedAt: '2026-01-01T00:01:00.000Z' },
      ...{ sizeBytes: 10, sourceSizeBytes: 20, counts: { tables: 3 }, busPosition: 'proven', state: 'whole' },
    });
  });

  it.each(['limit=0', 'limit=1001', 'before=yesterday', 'colour=red'])('is refused with %s', async (query) => {
    expect(await ask(query)).toMatchObject({ error: { code: 'request.invalid' } });
  });
});
