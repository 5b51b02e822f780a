import type { StatementDamage } from './statements.js';

/** Definitions that came back otherwise or not at all: no row tells of them. */
export const OBJECT_DAMAGES: readonly StatementDamage[] = [
  ...[
    {
      name: 'a materialised view is lost',
      does: 'DROP MATERIALIZED VIEW totals',
      found: 'materialized-view public.totals: is missing',
    },
    {
      name: 'a materialised view was never filled',
      does: 'REFRESH MATERIALIZED VIEW totals WITH NO DATA',
      found: 'materialized-view public.totals: the content differs',
    },
    {
      name: 'a trigger is disabled',
      does: 'ALTER TABLE invoices DISABLE TRIGGER audit',
      found: 'trigger audit on public.invoices: gained firing',
    },
    {
      name: 'a trigger is lost',
      does: 'DROP TRIGGER audit ON invoices',
      found: 'trigger audit on public.invoices: is missing',
    },
    {
      name: 'foreign keys are not enforced: their triggers are disabled',
      does: 'ALTER TABLE invoices DISABLE TRIGGER ALL',
      found: 'constraint invoices_customer_fkey on public.invoices: is not enforced',
    },
    {
      name: 'a foreign key is lost',
      does: 'ALTER TABLE invoices DROP CONSTRAINT invoices_customer_fkey',
      found: 'constraint invoices_customer_fkey on public.invoices: is missing',
    },
    {
      name: 'a constraint was never validated',
      does: [
        'ALTER TABLE invoices DROP CONSTRAINT positive',
        'ALTER TABLE invoices ADD CONSTRAINT positive CHECK (total > 0) NOT VALID',
      ],
      found: 'constraint positive on public.invoices: the definition differs',
    },
    {
      name: 'a check allows more',
      does: [
        'ALTER TABLE invoices DROP CONSTRAINT positive',
        'ALTER TABLE invoices ADD CONSTRAINT positive CHECK (total >= 0)',
      ],
      found: 'constraint positive on public.invoices: the definition differs',
    },
    {
      name: 'a primary key is lost',
      does: 'ALTER TABLE products DROP CONSTRAINT products_pkey',
      found: 'constraint products_pkey on public.products: is missing',
    },
    {
      name: 'a column may be NULL',
      does: 'ALTER TABLE invoices ALTER total DROP NOT NULL',
      found: 'column public.invoices.total: lost its NOT NULL',
    },
    { name: 'an index is lost', does: 'DROP INDEX by_total', found: 'index public.by_total: is missing' },
    {
      name: 'an index is invalid: no query uses it',
      does: `UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'by_total'::regclass`,
      found: 'index public.by_total: ',
    },
    {
      name: 'a unique index is unique no more',
      does: ['DROP INDEX one_note', 'CREATE INDEX one_note ON customers (note)'],
      found: 'index public.one_note: the definition differs',
    },
    {
      name: 'a column has another default',
      does: `ALTER TABLE customers ALTER status SET DEFAULT 'gone'`,
      found: 'column public.customers.status: the default differs',
    },
    {
      name: 'a column has lost its default',
      does: 'ALTER TABLE customers ALTER since DROP DEFAULT',
      found: 'column public.customers.since: lost its default',
    },
    {
      name: 'a column has another type',
      does: 'ALTER TABLE invoices ALTER id TYPE bigint',
      found: 'column public.invoices.id: the type differs',
    },
    {
      name: 'a column is lost',
      does: 'ALTER TABLE customers DROP COLUMN rate',
      found: 'column public.customers.rate: is missing',
    },
    {
      name: 'a column sorts by another collation',
      does: `ALTER TABLE customers ALTER note TYPE text COLLATE "POSIX"`,
      found: 'column public.customers.note: the collation differs',
    },
    {
      name: 'a collation is lost',
      does: ['ALTER TABLE customers ALTER note TYPE text COLLATE "default"', 'DROP COLLATION by_bytes'],
      found: 'collation public.by_bytes: is missing',
    },
    {
      name: 'a generated column is generated no more',
      does: 'ALTER TABLE orders ALTER euros DROP EXPRESSION',
      found: 'column public.orders.euros: lost its generation',
    },
    {
      name: 'a serial column lost its sequence',
      does: 'ALTER SEQUENCE customers_id_seq OWNED BY NONE',
      found: 'sequence public.customers_id_seq: lost its owning column',
    },
    {
      name: 'the body of a function is another one',
      does: `CREATE OR REPLACE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS $body$BEGIN RETURN old; END$body$`,
      found: 'function public.audit(): the definition differs',
    },
    {
      name: 'a function is lost',
      does: 'DROP FUNCTION order_count()',
      found: 'function public.order_count(): is missing',
    },
    {
      name: 'a SECURITY DEFINER function follows the search_path of its caller',
      does: 'ALTER FUNCTION all_orders() RESET search_path',
      found: 'function public.all_orders(): the definition differs',
    },
    {
      name: 'a view shows other rows',
      does: 'CREATE OR REPLACE VIEW cheap WITH (security_barrier) AS SELECT * FROM products WHERE cents < 200',
      found: 'view public.cheap: the definition differs',
    },
    {
      name: 'a view has lost its security barrier',
      does: 'ALTER VIEW cheap RESET (security_barrier)',
      found: 'view public.cheap: lost its options',
    },
    {
      name: 'a rule is lost',
      does: 'DROP RULE quiet ON "Price List"',
      found: 'rule quiet on public."Price List": is missing',
    },
    {
      name: 'an enumeration has a label more',
      does: `ALTER TYPE status ADD VALUE 'odd'`,
      found: 'type public.status: the labels differ',
    },
    {
      name: 'a domain allows everything',
      does: 'ALTER DOMAIN positive_int DROP CONSTRAINT above_zero',
      found: 'constraint above_zero on public.positive_int: is missing',
    },
    {
      name: 'a table forgets its rows in a crash: it is UNLOGGED',
      does: 'ALTER TABLE "Price List" SET UNLOGGED',
      found: 'table public."Price List": gained persistence',
    },
    {
      name: 'a partition is detached',
      does: 'ALTER TABLE events DETACH PARTITION events_2026',
      found: 'table public.events_2026: lost its partition bound',
    },
    {
      name: 'a publication is lost',
      does: 'DROP PUBLICATION changes',
      found: 'publication changes: is missing',
    },
    {
      name: 'a publication tells of less',
      does: `ALTER PUBLICATION changes SET (publish = 'insert')`,
      found: 'publication changes: the operations differ',
    },
    {
      name: 'a subscription is enabled',
      does: [
        `CREATE SUBSCRIPTION feed CONNECTION 'host=127.0.0.1 port=9' PUBLICATION changes WITH (connect = false)`,
        'ALTER SUBSCRIPTION feed ENABLE',
      ],
      undo: [
        'ALTER SUBSCRIPTION feed DISABLE',
        'ALTER SUBSCRIPTION feed SET (slot_name = NONE)',
        'DROP SUBSCRIPTION feed',
      ],
      found: 'subscription feed: is not in the backup',
    },
    {
      name: 'an event trigger is disabled',
      does: 'ALTER EVENT TRIGGER guard DISABLE',
      found: 'event trigger guard: ',
    },
    {
      name: 'an event trigger is lost',
      does: 'DROP EVENT TRIGGER guard',
      found: 'event trigger guard: is missing',
    },
    {
      name: 'a comment is lost',
      does: 'COMMENT ON TABLE invoices IS NULL',
      found: 'comment on table public.invoices: is missing',
    },
    {
      name: 'the database sorts names in another schema first',
      does: 'ALTER DATABASE {database} SET search_path = pg_temp, public',
      found: 'setting search_path of the database: is not in the backup',
    },
  ].map((damage) => ({ use: 'schema', ...damage })),
  {
    name: 'an extension is missing',
    use: 'extensions',
    does: 'DROP EXTENSION citext CASCADE',
    found: 'citext: the extension is missing',
  },
  {
    name: 'an extension is in another schema',
    use: 'extensions',
    does: 'CREATE SCHEMA elsewhere; ALTER EXTENSION citext SET SCHEMA elsewhere',
    found: 'citext: is in another schema',
  },
  ...[
    {
      name: 'a privilege is lost',
      does: 'REVOKE INSERT ON products FROM {app}',
      found: 'table public.products: privileges differ: lost {app}=INSERT/{owner}',
    },
    {
      name: 'a privilege is given to everyone',
      does: 'GRANT SELECT ON products TO PUBLIC',
      found: 'table public.products: privileges differ: gained public=SELECT/{owner}',
    },
    {
      name: 'a privilege on one column is given',
      does: 'GRANT UPDATE (cents) ON products TO {reader}',
      found: 'table public.products: privileges differ: gained {reader}=UPDATE(cents)/{owner}',
    },
    {
      name: 'a function may be called by everyone',
      does: 'GRANT EXECUTE ON FUNCTION all_orders() TO PUBLIC',
      found: 'function public.all_orders(): privileges differ: gained public=EXECUTE',
    },
    {
      name: 'a schema may be used by the application no more',
      does: 'REVOKE USAGE ON SCHEMA ledger FROM {app}',
      found: 'schema ledger: privileges differ: lost {app}=USAGE',
    },
    {
      name: 'default privileges are lost',
      does: 'ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA public REVOKE SELECT ON TABLES FROM {app}',
      found: 'default-privileges {owner} in schema public on tables: are missing',
    },
    {
      name: 'a table has the wrong owner',
      does: 'ALTER TABLE products OWNER TO postgres',
      found: 'table public.products: the owner changed',
    },
    {
      name: 'a sequence has the wrong owner',
      does: 'ALTER SEQUENCE labels OWNER TO {app}',
      found: 'sequence public.labels: the owner changed',
    },
    {
      name: 'the database may be filled by everyone',
      does: 'GRANT CREATE ON DATABASE {database} TO PUBLIC',
      found: 'the database: privileges differ: gained public=CREATE/postgres',
    },
  ].map((damage) => ({ use: 'privileges', ...damage })),
];
