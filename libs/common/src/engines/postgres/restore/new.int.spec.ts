import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { PostgresManifest } from '#common/engines/postgres/postgres-dataset.js';
import { previewRestore } from '#common/engines/postgres/restore/preview/preview.js';
import { shopOf } from '#common/testing/restore-shop.js';
import { comparable, RestoreTestBed } from '#common/testing/restore-test-bed.js';

describe.each(['postgres18', 'postgres15'] as const)('a restore to a new database on %s', (server) => {
  let bed: RestoreTestBed;
  let manifest: PostgresManifest;
  beforeAll(async () => {
    bed = await RestoreTestBed.create(server);
    await shopOf(bed.source);
    manifest = await bed.backup();
  });
  afterAll(() => bed.drop());

  it('equals the source in every fact, owners, privileges and settings included', async () => {
    const database = bed.nameOf('whole');
    const outcome = await bed.restore(bed.order(manifest, database));
    expect(outcome).toMatchObject({ safetyBackupId: null, findings: { harmlessErrors: [], createdRoles: [] } });
    expect(comparable(await bed.facts(database))).toEqual(comparable(await bed.facts(bed.source.name)));
    expect(await bed.query(database, 'SELECT tenant FROM busy')).toEqual([]);
    expect(await bed.query(database, 'SELECT sum(length(data))::int AS bytes FROM pg_largeobject')).toEqual([
      { bytes: 100_000 },
    ]);
  });

  it('restores what is marked, as long as it is whole, and says that nothing holds it', async () => {
    await bed.mark(manifest);
    const [database, said] = [bed.nameOf('marked'), [] as unknown[]];
    await bed.restore(bed.order(manifest, database), { onUnheld: (error) => said.push(error) });
    expect(said).toMatchObject([{ code: 'backup.expiring' }]);
    expect(comparable(await bed.facts(database))).toEqual(comparable(await bed.facts(bed.source.name)));
  });
});

describe('the locale of a restored database', () => {
  let bed: RestoreTestBed;
  beforeAll(async () => {
    bed = await RestoreTestBed.create('postgres15');
  });
  afterAll(() => bed.drop());

  it('is that of the backup, whatever the server would choose', async () => {
    await bed.recreateSource(`LOCALE_PROVIDER icu ICU_LOCALE 'sv' LC_COLLATE 'C' LC_CTYPE 'C.UTF-8' ENCODING 'UTF8'`);
    await bed.source.execute(`CREATE TABLE names (name text PRIMARY KEY); INSERT INTO names VALUES ('ö'), ('z')`);
    const manifest = await bed.backup();
    const database = bed.nameOf('swedish');
    await bed.restore(bed.order(manifest, database));
    expect(comparable(await bed.facts(database))).toEqual(comparable(manifest.snapshot));
    expect(await bed.query(database, 'SELECT name FROM names ORDER BY 1')).toEqual([{ name: 'z' }, { name: 'ö' }]);
  });

  it('is refused before any change where the server lacks its provider', async () => {
    const manifest = await bed.backup();
    const snapshot = { ...manifest.snapshot, localeProvider: 'builtin' as const, locale: 'C.UTF-8' };
    const order = bed.order({ ...manifest, snapshot }, bed.nameOf('builtin'));
    await expect(bed.restore(order)).rejects.toMatchObject({
      code: 'restore.blocked',
      message: expect.stringContaining('builtin locale provider'),
    });
  });

  it('is no other one after a restore in place: the plan refuses, and names what differs', async () => {
    await bed.recreateSource(
      `LOCALE_PROVIDER icu ICU_LOCALE 'de-AT' LC_COLLATE 'C' LC_CTYPE 'C.UTF-8' ENCODING 'UTF8'`,
    );
    await bed.source.execute(`CREATE TABLE names (name text PRIMARY KEY); INSERT INTO names VALUES ('Ä'), ('Z')`);
    const manifest = await bed.backup();
    const database = bed.nameOf('ascii');
    const inPlace = bed.order(manifest, database, { strategy: 'in-place' });
    await bed.source.onServer(
      `CREATE DATABASE "${database}" TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'`,
    );
    await expect(bed.restore(inPlace)).rejects.toMatchObject({
      code: 'restore.blocked',
      message: expect.stringContaining('the encoding is SQL_ASCII, and UTF8 in the backup'),
    });
    const { otherLocale } = await previewRestore(
      { ...inPlace, safety: false },
      bed.tools,
      new AbortController().signal,
    );
    expect(otherLocale).toEqual([
      'the encoding is SQL_ASCII, and UTF8 in the backup',
      'the character type (LC_CTYPE) is C, and C.UTF-8 in the backup',
      'the locale provider is libc, and icu in the backup',
      'the locale of the provider is none, and de-AT in the backup',
    ]);
  });

  it('comes with an encoding that is not the usual one, and without a schema that was dropped', async () => {
    await bed.recreateSource(`ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' LOCALE_PROVIDER libc`);
    await bed.source.execute(
      `DROP SCHEMA public`,
      `CREATE SCHEMA own`,
      `CREATE TABLE own."Gebühr" AS SELECT 'é' AS name`,
    );
    const manifest = await bed.backup();
    const database = bed.nameOf('latin');
    await bed.restore(bed.order(manifest, database));
    expect(comparable(await bed.facts(database))).toEqual(comparable(manifest.snapshot));
    expect(manifest.snapshot.encoding).toBe('LATIN1');
    await bed.onDatabase(database, (session) => session.query(`ALTER TABLE own."Gebühr" RENAME name TO "Größe"`));
    await bed.restore(bed.order(manifest, database, { strategy: 'in-place' }));
    expect(comparable(await bed.facts(database))).toEqual(comparable(manifest.snapshot));
  });
});
