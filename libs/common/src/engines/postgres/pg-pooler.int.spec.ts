import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { openCatalog } from '#common/catalog/catalog.js';
import { parsePgUrl } from '#common/pg/connection.js';
import { plainSealing } from '#common/testing/backup-test-bed.js';
import { PgBouncer, pgBouncerProgram } from '#common/testing/pg-bouncer.js';
import { ScratchDatabase } from '#common/testing/scratch-database.js';
import { PgDumpMethod } from './dump/pg-dump.method.js';
import { withPgSession } from './pg-session.js';
import { PgTools } from './pg-tools.js';

const { signal } = new AbortController();
const sealing = plainSealing;
const withPooler = pgBouncerProgram === undefined ? describe.skip : describe;
const pooled = { code: 'postgres.pooled', retryable: false, hint: expect.stringContaining('PostgreSQL server itself') };

withPooler.each(['transaction', 'session'] as const)('a url that leads to PgBouncer in %s mode', (mode) => {
  let scratch: ScratchDatabase;
  let pooler: PgBouncer;
  beforeAll(async () => {
    scratch = await ScratchDatabase.create('postgres18', 'CREATE TABLE item (id int)');
    pooler = await PgBouncer.start(mode);
  });
  afterAll(async () => {
    await pooler?.close();
    await scratch?.drop();
  });

  it('is refused by a check and by a dump, before anything waits, with the way to the server', async () => {
    const connection = parsePgUrl(pooler.url(scratch.name));
    await expect(
      withPgSession(connection, { signal, applicationName: 'spec' }, async () => 'used'),
    ).rejects.toMatchObject({
      ...pooled,
      message: `a connection pooler answers at 127.0.0.1:${pooler.port}, not the PostgreSQL server itself`,
    });
    const engine = new PgDumpMethod(new PgTools());
    await expect(
      engine.open(scratch.dataset({ connection }), { signal, sealing, purpose: 'regular' }),
    ).rejects.toMatchObject(pooled);
    const withOptions = parsePgUrl(`${pooler.url(scratch.name)}?options=-c%20work_mem%3D7MB`);
    await expect(
      withPgSession(withOptions, { signal, applicationName: 'spec' }, async () => 'used'),
    ).rejects.toMatchObject(pooled);
  });

  it('is refused by the catalog', async () => {
    await expect(openCatalog({ url: pooler.url(scratch.name), applicationName: 'spec' })).rejects.toMatchObject({
      code: 'catalog.unavailable',
      message: expect.stringContaining('a connection pooler answers'),
      hint: expect.stringContaining('PostgreSQL server itself'),
    });
  });

  it('leaves nothing of ours in the sessions of the application', async () => {
    const settings = async () => {
      const client = new pg.Client({ connectionString: pooler.url(scratch.name) });
      await client.connect();
      const { rows } = await client.query(
        `SELECT current_setting('row_security') AS rls, current_setting('lock_timeout') AS wait,
                current_setting('search_path') AS path, pg_backend_pid() AS pid`,
      );
      return await client.end().then(() => rows[0]);
    };
    const before = await settings();
    await withPgSession(
      parsePgUrl(pooler.url(scratch.name)),
      { signal, applicationName: 'spec' },
      async () => 'used',
    ).catch(() => undefined);
    expect(await settings()).toEqual(before);
  });
});
