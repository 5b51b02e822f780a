import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { PostgresManifest } from '#common/engines/postgres/postgres-dataset.js';
import { comparable, RestoreTestBed, type Server } from '#common/testing/restore-test-bed.js';

/** Tables of such sizes and names that several jobs begin with the one that needs the other: they load the largest first. */
const SCHEMA = [
  `CREATE TABLE country (code text PRIMARY KEY, rate numeric)`,
  `CREATE FUNCTION rate_of(text) RETURNS numeric LANGUAGE sql STABLE SET search_path = public AS 'SELECT rate FROM country WHERE code = $1'`,
  `CREATE FUNCTION known(text) RETURNS boolean LANGUAGE plpgsql STABLE SET search_path = public AS
   'BEGIN PERFORM FROM country WHERE code = $1; RETURN FOUND; END'`,
  `CREATE TABLE invoice (id int PRIMARY KEY, code text CHECK (known(code)), note text)`,
  `INSERT INTO country VALUES ('at', 0.2), ('de', 0.19)`,
  `INSERT INTO invoice SELECT n, 'at', repeat('x', 200) FROM generate_series(1, 20000) n`,
];

describe.each<Server>(['postgres18', 'postgres15'])(
  'constraints that call functions which read other tables, on %s',
  (server) => {
    let bed: RestoreTestBed;
    let manifest: PostgresManifest;
    beforeAll(async () => {
      bed = await RestoreTestBed.create(server, ...SCHEMA);
      manifest = await bed.backup();
    });
    afterAll(() => bed.drop());

    it('let their rows in when several jobs come in another order than the archive', async () => {
      const database = bed.nameOf('ordered');
      const outcome = await bed.restore(bed.order(manifest, database));
      expect(outcome).toMatchObject({ findings: { harmlessErrors: [] } });
      expect(comparable(await bed.facts(database))).toEqual(comparable(manifest.snapshot));
      expect(manifest.snapshot.warnings).toEqual([]);
    });

    it('are warned of at the backup where names need a search_path, and every table and view is named that fails then', async () => {
      await bed.source.execute(
        `CREATE FUNCTION doubled(numeric) RETURNS numeric LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN twice($1); END'`,
        `CREATE FUNCTION twice(numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS 'SELECT $1 * 2'`,
        `CREATE FUNCTION rates() RETURNS bigint LANGUAGE plpgsql STABLE AS 'BEGIN RETURN (SELECT count(*) FROM country); END'`,
        `CREATE TABLE item (price numeric, twice numeric GENERATED ALWAYS AS (doubled(price)) STORED)`,
        `CREATE TABLE offer (price numeric CHECK (doubled(price) > 0))`,
        `CREATE VIEW counted AS SELECT rates() AS n`,
        // From 17 on a source whose function has no search_path refuses this itself, as a restore would.
        'ALTER FUNCTION rates() SET search_path = public',
        `CREATE MATERIALIZED VIEW sums AS SELECT n FROM counted`,
        'ALTER FUNCTION rates() RESET search_path',
        `INSERT INTO item (price) VALUES (1); INSERT INTO offer VALUES (2)`,
      );
      const warned = await bed.backup();
      expect(warned.snapshot.warnings).toEqual([
        expect.stringMatching(
          /^function public\.doubled\(numeric\) names twice without a schema .* constraint offer_price_check on public\.offer, generated column twice of public\.item calls it: .*ALTER FUNCTION public\.doubled\(numeric\) SET search_path = public`$/,
        ),
        expect.stringMatching(
          /^function public\.rates\(\) names country without a schema .* materialized view public\.sums calls it/,
        ),
      ]);
      const failed = bed.restore(bed.order(warned, bed.nameOf('refused')));
      await expect(failed).rejects.toMatchObject({
        code: 'restore.failed',
        message: expect.stringMatching(
          /table public\.item: function twice\(numeric\) does not exist.*; table public\.offer: function twice/,
        ),
        context: {
          errors: [
            expect.stringMatching(/^table public\.item/),
            expect.stringMatching(/^table public\.offer/),
            expect.stringMatching(/^materialized view public\.sums: relation "country" does not exist/),
          ],
          errorCount: 3,
        },
      });
      const inPlace = bed.order(warned, bed.source.name, { strategy: 'in-place' });
      await expect(bed.restore(inPlace)).rejects.toMatchObject({
        code: 'restore.failed',
        message: expect.stringMatching(/function twice\(numeric\) does not exist; database .* is as it was before$/),
        hint: expect.stringMatching(/^This is the first object that fails.*--strategy new/),
      });
      await bed.source.execute(
        'ALTER FUNCTION doubled(numeric) SET search_path = public',
        'ALTER FUNCTION rates() SET search_path = public',
      );
      const mended = await bed.backup();
      expect(mended.snapshot.warnings).toEqual([]);
      const database = bed.nameOf('mended');
      await bed.restore(bed.order(mended, database));
      expect(comparable(await bed.facts(database))).toEqual(comparable(mended.snapshot));
    });
  },
);
