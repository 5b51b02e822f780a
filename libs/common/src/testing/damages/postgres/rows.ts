import type { StatementDamage } from './statements.js';

/** Rows, sequences and large objects that did not come back, or came back otherwise. */
export const ROW_DAMAGES: readonly StatementDamage[] = [
  {
    name: 'one row is lost',
    use: 'row-counts',
    does: 'DELETE FROM orders WHERE id = 3',
    found: 'public.orders: 1 row fewer than in the backup',
  },
  {
    name: 'a table is empty',
    use: 'row-counts',
    does: 'TRUNCATE "Price List"',
    found: 'public."Price List": 5 rows fewer than in the backup',
  },
  {
    name: 'a partition is empty',
    use: 'row-counts',
    does: 'TRUNCATE events_2026',
    found: 'public.events_2026: 4 rows fewer than in the backup',
  },
  {
    name: 'a row came twice',
    use: 'row-counts',
    does: 'INSERT INTO events SELECT * FROM events LIMIT 1',
    found: 'public.events: 1 row more than in the backup',
  },
  {
    name: 'a table is lost',
    use: 'row-counts',
    does: 'DROP TABLE "Price List"',
    found: 'public."Price List": the table is missing',
  },
  {
    name: 'a table was made since',
    use: 'row-counts',
    does: 'CREATE TABLE newer (id int)',
    found: 'public.newer: the table is not in the backup',
  },
  {
    name: 'one value is another one',
    use: 'fingerprints',
    does: 'UPDATE orders SET cents = cents + 1 WHERE id = 5',
    found: 'public.orders: the content differs',
  },
  {
    name: 'two rows have swapped a value',
    use: 'fingerprints',
    does: `UPDATE products SET cents = (SELECT sum(cents) FROM products WHERE id IN (4, 5)) - cents WHERE id IN (4, 5)`,
    found: 'public.products: the content differs',
  },
  {
    name: 'two columns have swapped their values',
    use: 'fingerprints',
    does: 'UPDATE customers SET name = email, email = name WHERE email IS NOT NULL',
    found: 'public.customers: the content differs',
  },
  {
    name: 'one row is there twice and another one not at all',
    use: 'fingerprints',
    does: [
      'INSERT INTO events SELECT * FROM events LIMIT 1',
      `DELETE FROM events WHERE ctid = (SELECT ctid FROM events WHERE at = '2026-05-02')`,
    ],
    found: 'public.events: the content differs',
  },
  {
    name: 'a NULL became an empty text',
    use: 'fingerprints',
    does: `UPDATE customers SET email = '' WHERE email IS NULL`,
    found: 'public.customers: the content differs',
  },
  {
    name: 'a number has other digits behind the point',
    use: 'fingerprints',
    does: 'UPDATE customers SET rate = 1.50 WHERE rate = 1.5',
    found: 'public.customers: the content differs',
  },
  {
    name: 'instants are an hour off',
    use: 'fingerprints',
    does: `UPDATE customers SET since = since + interval '1 hour'`,
    found: 'public.customers: the content differs',
  },
  {
    name: 'bytes end early',
    use: 'fingerprints',
    does: `UPDATE customers SET signature = '\\x00ff' WHERE id = 1`,
    found: 'public.customers: the content differs',
  },
  {
    name: 'letters were recoded',
    use: 'fingerprints',
    does: `UPDATE customers SET name = 'MÃ¼ller' WHERE name = 'Müller'`,
    found: 'public.customers: the content differs',
  },
  {
    name: 'a sequence is behind its table',
    use: 'sequences',
    does: `SELECT setval('orders_id_seq', 2)`,
    found: 'public.orders_id_seq: stands behind the backup',
  },
  {
    name: 'a sequence begins anew',
    use: 'sequences',
    does: 'ALTER SEQUENCE customers_id_seq RESTART',
    found: 'public.customers_id_seq: stands behind the backup',
  },
  {
    name: 'a sequence gives its last value once more',
    use: 'sequences',
    does: `SELECT setval('customers_id_seq', (SELECT last_value FROM customers_id_seq), false)`,
    found: 'public.customers_id_seq: gives another next value',
  },
  {
    name: 'a sequence has run ahead',
    use: 'sequences',
    does: `SELECT nextval('customers_id_seq')`,
    found: 'public.customers_id_seq: stands ahead of the backup',
  },
  {
    name: 'a sequence is lost',
    use: 'sequences',
    does: 'DROP SEQUENCE labels',
    found: 'public.labels: the sequence is missing',
  },
  {
    name: 'a large object is lost',
    use: 'schema',
    does: 'SELECT lo_unlink(4712)',
    found: 'large object 4712: is missing',
  },
  {
    name: 'a large object was made since',
    use: 'schema',
    does: 'SELECT lo_create(4714)',
    found: 'large object 4714: is not in the backup',
  },
  {
    name: 'a large object holds other bytes',
    use: 'fingerprints',
    does: `SELECT lo_put(4711, 2, 'x')`,
    found: 'large object 4711: the content differs',
  },
  {
    name: 'a large object has another owner',
    use: 'privileges',
    does: 'ALTER LARGE OBJECT 4711 OWNER TO {app}',
    found: 'large object 4711: the owner changed',
  },
  {
    name: 'a large object may be read by everyone',
    use: 'privileges',
    does: 'GRANT SELECT ON LARGE OBJECT 4711 TO PUBLIC',
    found: 'large object 4711: privileges differ: gained public=SELECT/{owner}',
  },
];
