import type { ScratchDatabase } from './scratch-database.js';

/** The roles of one shop; `app` logs in with its own name as password. */
export interface ShopRoles {
  readonly owner: string;
  readonly app: string;
  readonly reader: string;
}

/**
 * Fills a database with everything that a restore has to bring back: tenants behind forced row-level security, views and functions
 * with their owner's rights, extensions in a schema of their own, and one of every kind of object that PostgreSQL treats specially.
 * A plain one has nothing that only a superuser can make.
 */
export async function shopOf(scratch: ScratchDatabase, o: { isPlain?: boolean } = {}): Promise<ShopRoles> {
  const owner = await scratch.createRole('owner');
  const app = await scratch.createRole('app');
  await scratch.onServer(`ALTER ROLE ${app} LOGIN PASSWORD '${app}'`);
  const reader = await scratch.createRole('reader');
  const roles = { owner, app, reader };
  await scratch.execute(...toAdministration(scratch.name, roles), `SET ROLE ${owner}`, ...SCHEMA, ...toTenancy(roles));
  await scratch.execute(...toRights(roles), ...(o.isPlain ? [] : FOR_SUPERUSERS));
  return roles;
}

const toAdministration = (database: string, { owner, app }: ShopRoles): string[] => [
  `ALTER DATABASE ${database} OWNER TO ${owner}`,
  `REVOKE CONNECT, TEMPORARY ON DATABASE ${database} FROM PUBLIC`,
  `GRANT CONNECT ON DATABASE ${database} TO ${app}`,
  `ALTER DATABASE ${database} SET work_mem = '5MB'`,
  `ALTER DATABASE ${database} CONNECTION LIMIT 90`,
  `COMMENT ON DATABASE ${database} IS 'the shop''s own \\ one'`,
  `ALTER DATABASE ${database} SET search_path = "$user", public, ext`,
  `ALTER ROLE ${app} IN DATABASE ${database} SET app.tenant = 'none of them'`,
  `ALTER DATABASE ${database} SET app.jwt_secret = 'hunter2'`,
  `CREATE SCHEMA ext AUTHORIZATION ${owner}`,
  `CREATE EXTENSION citext SCHEMA ext`,
  `CREATE SCHEMA "Odd; name" AUTHORIZATION ${owner}`,
  `GRANT USAGE ON SCHEMA ext, "Odd; name" TO ${app} WITH GRANT OPTION`,
  `ALTER SCHEMA public OWNER TO ${owner}`,
  `REVOKE ALL ON SCHEMA public FROM PUBLIC`,
  `GRANT USAGE ON SCHEMA public TO ${app}`,
];

const SCHEMA = [
  `CREATE TYPE status AS ENUM ('placed', 'paid')`,
  `CREATE DOMAIN cents AS bigint CHECK (VALUE >= 0)`,
  `CREATE COLLATION german (provider = libc, locale = 'C')`,
  `CREATE TABLE tenants (name text PRIMARY KEY, domain ext.citext UNIQUE)`,
  `CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY, tenant text NOT NULL REFERENCES tenants, status status NOT NULL,
     total cents NOT NULL, twice bigint GENERATED ALWAYS AS (total * 2) STORED, note text COLLATE german, PRIMARY KEY (tenant, id))`,
  `CREATE TABLE items (id serial PRIMARY KEY, tenant text NOT NULL, order_id bigint NOT NULL,
     FOREIGN KEY (tenant, order_id) REFERENCES orders (tenant, id))`,
  `CREATE SEQUENCE numbers START 1000 INCREMENT 10`,
  `CREATE TABLE events (tenant text NOT NULL, at date NOT NULL, body text) PARTITION BY RANGE (at)`,
  `CREATE TABLE events_2026 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')`,
  `CREATE INDEX ON events (at)`,
  `CREATE TABLE "Odd; name"."Strange ""table""" ("a=b" int DEFAULT nextval('public.numbers'), "select" text)`,
  `CREATE STATISTICS order_stats ON tenant, status FROM orders`,
  `CREATE FUNCTION plus(a int, b int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT a + b'`,
  `CREATE OPERATOR <+> (FUNCTION = plus, LEFTARG = int, RIGHTARG = int)`,
  `CREATE AGGREGATE total_of (int) (SFUNC = plus, STYPE = int, INITCOND = '0')`,
  `CREATE VIEW tenant_orders AS SELECT id, tenant, total FROM orders`,
  `CREATE VIEW sums AS SELECT tenant, sum(total) AS total FROM tenant_orders GROUP BY tenant`,
  // Both are archived in two halves, a placeholder first: the one needs a primary key, which comes after the rows, the other itself.
  `CREATE VIEW progress AS SELECT o.tenant, o.id, o.status, o.note, count(i.id) AS items
     FROM orders o LEFT JOIN items i ON i.tenant = o.tenant AND i.order_id = o.id GROUP BY o.tenant, o.id`,
  `CREATE VIEW ring AS SELECT 1 AS "a=b", 'x'::varchar(3) COLLATE german AS note`,
  `CREATE FUNCTION ring_of(text) RETURNS SETOF ring LANGUAGE plpgsql STABLE AS 'BEGIN RETURN; END'`,
  `CREATE OR REPLACE VIEW ring AS SELECT "a=b", note FROM ring_of('x')`,
  `CREATE FUNCTION order_count() RETURNS bigint LANGUAGE sql STABLE SECURITY DEFINER
     SET search_path = public AS 'SELECT count(*) FROM orders'`,
  `CREATE MATERIALIZED VIEW domains AS SELECT domain FROM tenants`,
  // Its owner is bound by the policies: at the source it stays empty, and must not be fuller after a restore.
  `CREATE MATERIALIZED VIEW busy AS SELECT tenant, count(*) FROM orders GROUP BY tenant WITH NO DATA`,
  `CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.note := ''stamped''; RETURN NEW; END'`,
  `INSERT INTO tenants VALUES ('north', 'North.example'), ('south', 'South.example')`,
  `INSERT INTO orders (tenant, status, total) SELECT 'north', 'paid', n FROM generate_series(1, 70) n`,
  `INSERT INTO orders (tenant, status, total) SELECT 'south', 'placed', n FROM generate_series(1, 30) n`,
  `CREATE TRIGGER stamp BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION stamp()`,
  `INSERT INTO items (tenant, order_id) SELECT tenant, id FROM orders`,
  `INSERT INTO events SELECT 'north', '2026-03-01', repeat('x', 100) FROM generate_series(1, 50)`,
  `INSERT INTO "Odd; name"."Strange ""table""" ("select") VALUES ('one'), (NULL)`,
  `REFRESH MATERIALIZED VIEW domains`,
  `SELECT lo_from_bytea(0, decode(repeat('ab', 100000), 'hex'))`,
];

function toTenancy({ app, reader }: ShopRoles): string[] {
  const mine = `tenant = nullif(current_setting('app.tenant', true), '')`;
  return [
    ...['orders', 'items', 'events', 'events_2026'].flatMap((table) => [
      `ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY`,
      `CREATE POLICY own ON ${table} TO ${app}, ${reader} USING (${mine}) WITH CHECK (${mine})`,
      `GRANT SELECT, INSERT ON ${table} TO ${app}`,
      `GRANT SELECT ON ${table} TO ${reader}`,
    ]),
    `SET row_security = on; REFRESH MATERIALIZED VIEW busy; SET row_security = off`,
    `GRANT SELECT (name) ON tenants TO ${app}`,
    `GRANT SELECT ON tenant_orders, sums TO ${app}`,
    `REVOKE EXECUTE ON FUNCTION order_count() FROM PUBLIC`,
    `GRANT EXECUTE ON FUNCTION order_count() TO ${app}`,
    `ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO ${reader}`,
  ];
}

const toRights = ({ reader, app }: ShopRoles): string[] => [
  `GRANT USAGE ON SCHEMA public TO ${reader}`,
  `ALTER VIEW tenant_orders OWNER TO ${reader}`,
  `ALTER VIEW sums OWNER TO ${reader}`,
  `ALTER FUNCTION order_count() OWNER TO ${reader}`,
  `ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO ${app}`,
];

const FOR_SUPERUSERS = [
  `CREATE EXTENSION earthdistance SCHEMA ext CASCADE`,
  `CREATE FUNCTION on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN NULL; END'`,
  `CREATE EVENT TRIGGER watch ON ddl_command_end EXECUTE FUNCTION on_ddl()`,
  `CREATE PUBLICATION shop_changes FOR TABLE orders`,
];
