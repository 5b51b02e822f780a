import { appendFile, copyFile, cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CatalogTestBed } from '#common/testing/catalog-test-bed.js';
import { type Catalog, openCatalog } from './catalog.js';
import { openDataSource } from './connection.js';
import { defaultMigrationsFolder, readMigrations } from './migration-files.js';

let bed: CatalogTestBed;
let folder: string;
let catalog: Catalog;

beforeAll(async () => {
  bed = await CatalogTestBed.open();
  folder = await mkdtemp(join(tmpdir(), 'holdfast-migrations-'));
  await cp(defaultMigrationsFolder(), folder, { recursive: true });
  catalog = await openCatalog({ url: bed.url, applicationName: 'holdfast spec', migrationsFolder: folder });
});
afterAll(async () => {
  await catalog.close();
  await bed.close();
  await rm(folder, { recursive: true });
});

const reset = () => bed.admin.query('DROP SCHEMA holdfast CASCADE');
const history = async () =>
  (await bed.admin.query('SELECT name, sha256 FROM holdfast.migrations ORDER BY number')).rows;

describe('migrations', () => {
  it('are applied once, by one of many processes that start together, and recorded with their digests', async () => {
    await reset();
    const others = await Promise.all([bed.another(), bed.another(), bed.another()]);
    const applied = await Promise.all(others.map((other) => other.migrate()));
    const files = await readMigrations(folder);
    expect(applied.map((names) => names.length).sort()).toEqual([0, 0, files.length]);
    expect(await history()).toEqual(files.map(({ name, sha256 }) => ({ name, sha256 })));
    expect(await bed.catalog.migrate()).toEqual([]);
  });

  it('make what the entities declare, column by column', async () => {
    const dataSource = await openDataSource({ url: bed.url, applicationName: 'holdfast spec' });
    const declared = dataSource.entityMetadatas.flatMap(({ tableName, columns }) =>
      columns.map((column) => ({
        table: tableName,
        column: column.databaseName,
        type: dataSource.driver.normalizeType(column),
        isNullable: column.isNullable,
      })),
    );
    await dataSource.destroy();
    const { rows: made } = await bed.admin.query(`
      SELECT table_name AS "table", column_name AS "column", data_type AS "type", is_nullable = 'YES' AS "isNullable"
      FROM information_schema.columns WHERE table_schema = 'holdfast' AND table_name <> 'migrations'`);
    const inOrder = (columns: typeof declared) => columns.map((column) => JSON.stringify(column)).sort();
    expect(inOrder(declared)).toEqual(inOrder(made));
  });

  it('undo a file that fails halfway, and say what failed', async () => {
    const broken = join(folder, '9998-broken.sql');
    await writeFile(broken, 'CREATE TABLE holdfast.half (id integer); SELECT 1 / 0;');
    await expect(catalog.migrate()).rejects.toMatchObject({ context: { sqlState: '22012' } });
    await rm(broken);
    const { rows } = await bed.admin.query(`SELECT to_regclass('holdfast.half') AS half`);
    expect(rows).toEqual([{ half: null }]);
  });

  it('wait for a catalog that goes away in the middle: the lost connection is no defect', async () => {
    const slow = join(folder, '9999-slow.sql');
    await writeFile(slow, 'SELECT pg_sleep(60)');
    const migrating = catalog.migrate();
    migrating.catch(() => undefined);
    const end = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)' AND datname = current_database()`;
    while ((await bed.admin.query(end)).rowCount === 0);
    await expect(migrating).rejects.toMatchObject({ code: 'catalog.unavailable' });
    await rm(slow);
    expect(await catalog.migrate()).toEqual([]);
  });

  it('refuse a file that was changed after it was applied, naming it', async () => {
    await appendFile(join(folder, '0003-backups.sql'), '-- a late idea\n');
    await expect(catalog.migrate()).rejects.toMatchObject({
      code: 'catalog.drift',
      message: expect.stringContaining('0003-backups.sql'),
    });
  });

  it('refuse a folder in which a file is gone that was applied, or two have one number', async () => {
    const second = join(folder, '0002-inbox-outbox.sql');
    await copyFile(second, join(folder, '0002-twin.sql'));
    await expect(catalog.migrate()).rejects.toMatchObject({ code: 'catalog.drift' });
    await rm(join(folder, '0002-twin.sql'));
    await rm(second);
    await expect(catalog.migrate()).rejects.toMatchObject({ code: 'catalog.drift' });
  });
});
