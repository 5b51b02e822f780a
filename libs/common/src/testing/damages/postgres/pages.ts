import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { withPgSession } from '#common/engines/postgres/pg-session.js';
import type { SeededDamage } from '#common/testing/damages/seeded-damage.js';
import { byStatements, type DamagedDatabase } from './statements.js';

const PAGE_BYTES = 8_192;

/** Overwrites some bytes in the middle of the first page of a relation, as a disk does that lies. */
async function breakPage({ database }: DamagedDatabase, relation: string): Promise<void> {
  const options = { signal: new AbortController().signal, applicationName: 'spec' };
  const file = await withPgSession(database, options, async (session) => {
    // The server has the page in memory, and would not look at the file.
    await session.query('CREATE EXTENSION pg_buffercache');
    await session.query('SELECT pg_buffercache_evict_relation($1::text::regclass)', [relation]);
    const { folder, path } = await session.queryOne<{ folder: string; path: string }>(
      `SELECT current_setting('data_directory') AS folder, pg_relation_filepath($1::text::regclass) AS path`,
      [relation],
    );
    return join(folder, path);
  });
  const handle = await open(file, 'r+');
  try {
    await handle.write(Buffer.alloc(64, 0xa5), 0, 64, PAGE_BYTES - 512);
  } finally {
    await handle.close();
  }
}

/** What lies on disk is not what was written, or not what an index says of it. */
export const PAGE_DAMAGES: readonly SeededDamage<DamagedDatabase>[] = [
  {
    name: 'a page of a table is broken',
    use: 'amcheck',
    does: (place) => breakPage(place, 'invoices'),
    found: 'table public.invoices: invalid page in block 0',
  },
  {
    name: 'a page of an index is broken',
    use: 'amcheck',
    does: (place) => breakPage(place, 'by_total'),
    found: 'index public.by_total: invalid page in block 0',
  },
  {
    name: 'a page that holds rows to be counted is broken',
    use: 'row-counts',
    does: (place) => breakPage(place, 'products'),
    found: 'relation public.products: invalid page in block 0',
  },
  {
    name: 'a page that holds rows to be digested is broken',
    use: 'fingerprints',
    does: (place) => breakPage(place, 'products'),
    found: 'relation public.products: invalid page in block 0',
  },
  ...[
    {
      name: 'an index does not have a row of its table',
      does: [
        `UPDATE pg_index SET indisready = false, indisvalid = false WHERE indexrelid = 'by_total'::regclass`,
        'INSERT INTO invoices VALUES (1000, 1, 1000)',
        `UPDATE pg_index SET indisready = true, indisvalid = true WHERE indexrelid = 'by_total'::regclass`,
      ],
      found: 'index public.by_total: heap tuple (0,41) from table "invoices" lacks matching index tuple',
    },
    {
      name: 'a unique index holds a value twice',
      does: [
        `UPDATE pg_index SET indisunique = false WHERE indexrelid = 'one_note'::regclass`,
        `INSERT INTO customers (name, note) VALUES ('twice', 'note 7')`,
        `UPDATE pg_index SET indisunique = true WHERE indexrelid = 'one_note'::regclass`,
      ],
      found: 'index public.one_note: index uniqueness is violated for index "one_note"',
    },
    {
      name: 'an index was made by what a function gave before',
      does: `CREATE OR REPLACE FUNCTION sort_key(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT upper($1)'`,
      found: 'index public.by_sort_key: heap tuple',
    },
    {
      name: 'rows are older than the server believes possible',
      does: `UPDATE pg_class SET relfrozenxid = pg_current_xact_id()::xid WHERE oid = 'invoices'::regclass`,
      found: 'table public.invoices: page 0, row 1: xmin',
    },
  ].map((damage) => byStatements({ use: 'amcheck', ...damage })),
];
