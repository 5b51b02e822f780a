import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { SnapshotFacts } from '#common/contracts/snapshot-facts.js';
import { PgSession, withPgSession } from '#common/engines/postgres/pg-session.js';
import { PgTools } from '#common/engines/postgres/pg-tools.js';
import { parsePgUrl, withDatabase } from '#common/pg/connection.js';
import { plainSealing } from '#common/testing/backup-test-bed.js';
import { ScratchDatabase } from '#common/testing/scratch-database.js';
import { endpoints } from '#tools/services/endpoints.js';
import { PgDumpMethod } from './pg-dump.method.js';
import type { PgDumpOutput } from './pg-dump-output.js';

const { signal } = new AbortController();
const sealing = plainSealing;
const session = { signal, applicationName: 'spec' };
const engine = new PgDumpMethod(new PgTools());

let scratch: ScratchDatabase;
beforeAll(async () => {
  scratch = await ScratchDatabase.create(
    'postgres18',
    `CREATE TABLE public.orders (id int); INSERT INTO public.orders VALUES (1)`,
    `CREATE VIEW public.open_orders AS SELECT id FROM public.orders`,
  );
});
afterAll(() => scratch.drop());

/** Reads everything and throws it away. */
async function drain(output: PgDumpOutput): Promise<SnapshotFacts> {
  try {
    for await (const { stream } of output.objects()) for await (const _ of stream);
    return await output.facts();
  } finally {
    await output.close();
  }
}

describe('names', () => {
  const server = parsePgUrl(endpoints.postgres18.url);

  it('of any kind are dumped, also those that look like a connection string', async () => {
    const database = `host=nowhere ' \\ "${scratch.id}"`;
    const quoted = `"${database.replaceAll('"', '""')}"`;
    await scratch.onServer(`CREATE DATABASE ${quoted}`);
    try {
      const connection = withDatabase(server, database);
      const table = `"A b"."T ""q"" \n ;"`;
      await withPgSession(connection, session, async (each) => {
        await each.query(`CREATE SCHEMA "A b"`);
        await each.query(`CREATE TABLE ${table} (id serial, "c,""d)" text); INSERT INTO ${table} DEFAULT VALUES`);
      });
      const facts = await drain(
        await engine.open(scratch.dataset({ connection }), { signal, sealing, purpose: 'regular' }),
      );
      expect(facts.database).toBe(database);
      expect(facts.tables).toMatchObject([{ name: table, rows: 1, fingerprint: expect.stringMatching(/^sum1:/) }]);
    } finally {
      await scratch.onServer(`DROP DATABASE ${quoted} WITH (FORCE)`);
    }
  });
});

describe('a migration in one transaction', () => {
  it('that holds a view and waits for a table of ours is let through', async () => {
    const migration = await PgSession.open(scratch.connection, session);
    await migration.query(`BEGIN; ALTER VIEW public.open_orders SET (security_barrier = true)`);
    let migrating: Promise<unknown> | undefined;
    const readBusPosition = async (): Promise<undefined> => {
      migrating ??= migration.query(`ALTER TABLE public.orders ADD note text; COMMIT`);
      await sleep(50);
    };
    const facts = await drain(
      await engine.open(scratch.dataset(), { signal, sealing, purpose: 'regular', readBusPosition }),
    );
    await migrating;
    await migration.close();
    expect(facts.tables).toMatchObject([{ name: 'public.orders', rows: 1 }]);
  });
});

describe('a dump that is held', () => {
  it('holds locks on tables only, for a session that waits for another lock could stand in its way for ever', async () => {
    const output = await engine.open(scratch.dataset(), {
      signal,
      sealing,
      purpose: 'regular',
      applicationName: 'holdfast spec',
    });
    const locked = await scratch.query<{ name: string }>(
      `SELECT DISTINCT l.relation::regclass::text AS name FROM pg_locks l JOIN pg_stat_activity a USING (pid)
       WHERE a.application_name = 'holdfast spec' AND l.locktype = 'relation' AND a.datname = current_database()`,
    );
    expect(locked.map(({ name }) => name)).toEqual(['orders']);
    await drain(output);
  });
});
