import { ScratchDatabase } from '#common/testing/scratch-database.js';

const TABLES = ['orders', 'payments', 'shipments', 'audit'];

/** Measured: heap and primary key of one row. */
const ROW_BYTES = 706;

/**
 * Rows as an application has them: keys, a tenant, an instant, short texts that repeat, and a payload of random bytes in base64, so
 * that zstd finds something to do but not much to gain.
 */
const INSERT = `
  SELECT
    n,
    ('00000000-0000-4000-8000-' || lpad((n % 20)::text, 12, '0'))::uuid,
    timestamptz '2024-01-01' + n * interval '7 seconds',
    (ARRAY['new', 'paid', 'sent', 'returned'])[1 + n % 4],
    'customer-' || n % 9973 || '@example.org',
    n % 400 || ' Long Street, ' || (ARRAY['Riverside', 'Hilltown', 'Seaview'])[1 + n % 3],
    (SELECT string_agg(encode(sha512((n || ' ' || part || random())::bytea), 'base64'), '') FROM generate_series(1, 6) part)`;

/** A database of about that size on the newest server, analysed. Drop it afterwards. */
export async function createFilledDatabase(sizeBytes: number): Promise<ScratchDatabase> {
  const database = await ScratchDatabase.create('postgres18');
  const rows = Math.round(sizeBytes / TABLES.length / ROW_BYTES);
  for (const table of TABLES) {
    await database.execute(
      `CREATE TABLE ${table} (id bigint, tenant_id uuid NOT NULL, placed_at timestamptz NOT NULL, status text NOT NULL,
         customer text NOT NULL, address text NOT NULL, payload text NOT NULL)`,
      `INSERT INTO ${table} ${INSERT} FROM generate_series(1, ${rows}) n`,
      `ALTER TABLE ${table} ADD PRIMARY KEY (id)`,
    );
  }
  await database.execute('VACUUM ANALYZE', 'CHECKPOINT');
  return database;
}

export async function sizeOf(database: ScratchDatabase): Promise<number> {
  const [row] = await database.query<{ size: string }>('SELECT pg_database_size(current_database()) AS size');
  return Number(row?.size);
}
