import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { PostgresManifest } from '#common/engines/postgres/postgres-dataset.js';
import { representative } from '#common/testing/representative.js';
import type { PgOrder } from '#common/testing/restore-test-bed.js';
import { comparable, RestoreTestBed } from '#common/testing/restore-test-bed.js';

/** pg_dump archives both views in two halves: one needs a primary key, which comes after the rows, the other a function of its own rows. */
const SCHEMA = [
  `CREATE TYPE status AS ENUM ('placed', 'paid')`,
  `CREATE TABLE orders (id int PRIMARY KEY, status status NOT NULL)`,
  `CREATE TABLE items (order_id int NOT NULL REFERENCES orders)`,
  `CREATE VIEW progress AS SELECT o.id, o.status, count(*) AS items FROM orders o JOIN items i ON i.order_id = o.id GROUP BY o.id`,
  `CREATE VIEW ring WITH (security_barrier) AS SELECT 'paid'::status AS "a;", 'x'::varchar(3) COLLATE "C" AS note`,
  `CREATE FUNCTION ring_of(status) RETURNS SETOF ring LANGUAGE plpgsql STABLE AS 'BEGIN RETURN; END'`,
  `CREATE OR REPLACE VIEW ring AS SELECT "a;", note FROM ring_of('paid')`,
  `INSERT INTO orders VALUES (1, 'placed'), (2, 'paid')`,
  `INSERT INTO items VALUES (1), (1), (2)`,
];

describe.each(representative(['postgres18', 'postgres15'] as const))(
  'a restore in place of a circle on %s',
  (server) => {
    let bed: RestoreTestBed;
    let manifest: PostgresManifest;
    beforeAll(async () => {
      bed = await RestoreTestBed.create(server, ...SCHEMA);
      manifest = await bed.backup();
    });
    afterAll(() => bed.drop());

    const order = (): PgOrder => bed.order(manifest, bed.source.name, { strategy: 'in-place' });
    const facts = () => bed.facts(bed.source.name);

    it.each([
      ['nothing has changed', []],
      ['rows have changed', [`UPDATE orders SET status = 'paid'; DELETE FROM items`]],
      [
        'a view has more columns',
        [`CREATE OR REPLACE VIEW ring AS SELECT "a;", note, now() AS at FROM ring_of('paid')`],
      ],
      [
        'a table has taken the place of a view and a migration that of its type',
        [`DROP VIEW progress`, `CREATE TABLE progress ()`, `ALTER TYPE status ADD VALUE 'lost'`],
      ],
      [
        'they are gone',
        ['DROP VIEW ring CASCADE', 'DROP VIEW progress', 'DROP TABLE items, orders', 'DROP TYPE status'],
      ],
    ])('brings back exactly the backup when %s', async (_, statements) => {
      await bed.source.execute(...statements);
      expect(await bed.restore(order())).toMatchObject({
        findings: { harmlessErrors: [], newerObjects: [], droppedObjects: [] },
      });
      expect(comparable(await facts())).toEqual(comparable(manifest.snapshot));
    });

    it('leaves everything as it was when a dependent appears after the plan, and no view a placeholder', async () => {
      await bed.source.execute(`UPDATE orders SET status = 'paid'`);
      const before = await facts();
      const takeSafetyBackup = async () => {
        await bed.source.execute('CREATE VIEW peek AS SELECT note FROM ring');
        return 'a-safety-dump';
      };
      await expect(bed.restore(order(), { takeSafetyBackup })).rejects.toMatchObject({
        code: 'restore.blocked',
        message: expect.stringMatching(/view (public\.)?peek depends on .*is as it was before/),
      });
      await bed.source.execute('DROP VIEW peek');
      expect(comparable(await facts())).toEqual(comparable(before));
    });
  },
);
