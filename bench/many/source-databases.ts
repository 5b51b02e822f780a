import { randomBytes } from 'node:crypto';
import { onServer } from '#tools/platform/server-login.js';
import { inParallel } from './in-parallel.js';

/** Tenant databases as a platform has them by the thousand: a few tables, some constraints, little data. */
const SCHEMA = `
  CREATE TABLE customers (id bigint PRIMARY KEY, email text NOT NULL UNIQUE, created_at timestamptz NOT NULL);
  CREATE TABLE orders (
    id bigint PRIMARY KEY, customer_id bigint NOT NULL REFERENCES customers, status text NOT NULL, note text NOT NULL
  );
  CREATE INDEX orders_by_customer ON orders (customer_id);
  CREATE VIEW open_orders AS SELECT * FROM orders WHERE status = 'new';
  INSERT INTO customers SELECT n, 'customer-' || n || '@example.org', timestamptz '2026-01-01' + n * interval '1 hour'
    FROM generate_series(1, 100) n;
  INSERT INTO orders SELECT n, 1 + n % 100, (ARRAY['new', 'paid', 'sent'])[1 + n % 3], md5(n::text)
    FROM generate_series(1, 400) n`;

/** Copies of one template are made as fast as the server writes them. */
const AT_ONCE = 4;

const onDatabase = (database: string, ...statements: readonly string[]): Promise<object[]> =>
  onServer('postgres18', database, ...statements);

/** Real databases, one a dataset, on one server. */
export class SourceDatabases {
  readonly names: readonly string[];
  private readonly template: string;

  private constructor(count: number) {
    const id = randomBytes(3).toString('hex');
    this.template = `bench_${id}`;
    this.names = Array.from({ length: count }, (_, index) => `bench_${id}_${String(index + 1).padStart(4, '0')}`);
  }

  static async create(count: number): Promise<SourceDatabases> {
    const databases = new SourceDatabases(count);
    await onDatabase('postgres', `CREATE DATABASE ${databases.template}`);
    await onDatabase(databases.template, SCHEMA, 'VACUUM ANALYZE');
    await inParallel(databases.names, AT_ONCE, async (name) => {
      await onDatabase('postgres', `CREATE DATABASE ${name} TEMPLATE ${databases.template} STRATEGY wal_log`);
      // The first session of a database writes its cache of the system catalogs; no measurement should pay for that.
      await onDatabase(name, 'SELECT');
    });
    await onDatabase('postgres', 'CHECKPOINT');
    return databases;
  }

  async drop(): Promise<void> {
    await inParallel([...this.names, this.template], AT_ONCE, async (name) => {
      await onDatabase('postgres', `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    });
  }
}
