import type { ScratchDatabase } from './scratch-database.js';

/** One change of one object, and how the verdict names it. */
export interface ZooChange {
  readonly statement: string;
  readonly problem: string;
}

/**
 * One specimen of every kind of object that an archive carries, in shapes that archives have lost or changed before: columns inherited
 * later, expressions that print in two ways, names with line breaks.
 */
export const ZOO: readonly string[] = [
  `CREATE EXTENSION citext`,
  `CREATE SCHEMA zoo`,
  `CREATE SCHEMA "Odd; 'schema'\nof two lines"`,
  // Types.
  `CREATE TYPE zoo.mood AS ENUM ('calm', 'wild')`,
  `CREATE DOMAIN zoo.status AS varchar(10) DEFAULT 'new' CONSTRAINT known CHECK (value IN ('new', 'old'))`,
  `CREATE TYPE zoo.address AS (street text, number int)`,
  `CREATE TYPE zoo.span AS RANGE (subtype = float8, subtype_diff = float8mi)`,
  `CREATE COLLATION zoo.by_bytes (provider = libc, locale = 'C')`,
  // Tables.
  `CREATE TABLE zoo.animals (
     id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name varchar(40) NOT NULL, kind zoo.status, m zoo.mood,
     weight numeric(8,2) DEFAULT 0, grams numeric GENERATED ALWAYS AS (weight * 1000) STORED, lives zoo.span,
     home zoo.address, note text COLLATE "C", during tstzrange, email public.citext,
     CONSTRAINT heavy CHECK (weight >= 0), CONSTRAINT known_name CHECK (name IN ('lion', 'emu', 'newt')))`,
  `ALTER TABLE zoo.animals ALTER note SET STORAGE external, ALTER name SET STATISTICS 500`,
  `ALTER TABLE zoo.animals ADD CONSTRAINT alone EXCLUDE USING gist (during WITH &&)`,
  `INSERT INTO zoo.animals (name, kind, m, weight) VALUES ('lion', 'old', 'wild', 190), ('emu', 'new', 'calm', 40)`,
  `CREATE TABLE zoo.keepers (id serial PRIMARY KEY, animal bigint REFERENCES zoo.animals, boss int REFERENCES zoo.keepers)`,
  `INSERT INTO zoo.keepers (animal) SELECT id FROM zoo.animals`,
  `CREATE UNLOGGED TABLE zoo.scratch (id int) WITH (fillfactor = 70)`,
  `CREATE TABLE zoo.a (x int); CREATE TABLE zoo.b (y int); CREATE TABLE zoo.c (y int, own text, x int)`,
  `ALTER TABLE zoo.c INHERIT zoo.a; ALTER TABLE zoo.c INHERIT zoo.b; INSERT INTO zoo.c VALUES (1, 'own', 2)`,
  `CREATE TABLE zoo.visits (day date NOT NULL, keeper int REFERENCES zoo.keepers, PRIMARY KEY (day, keeper)) PARTITION BY RANGE (day)`,
  `CREATE TABLE zoo.visits_old PARTITION OF zoo.visits FOR VALUES FROM (MINVALUE) TO ('2026-01-01')`,
  `CREATE TABLE zoo.visits_new (keeper int NOT NULL, day date NOT NULL, CONSTRAINT by_hand FOREIGN KEY (keeper) REFERENCES zoo.keepers)`,
  `ALTER TABLE zoo.visits ATTACH PARTITION zoo.visits_new DEFAULT`,
  `INSERT INTO zoo.visits VALUES ('2025-05-05', 1), ('2026-05-05', 2)`,
  `CREATE TABLE zoo.reviews (day date, keeper int, FOREIGN KEY (day, keeper) REFERENCES zoo.visits)`,
  `CREATE TABLE zoo.visits_gone PARTITION OF zoo.visits FOR VALUES FROM ('2026-01-01') TO ('2026-01-02')`,
  `ALTER TABLE zoo.visits DETACH PARTITION zoo.visits_gone; DROP TABLE zoo.visits_gone`,
  `CREATE TABLE zoo.odd ("two\nlines" int, "semi;colon" int, "quo""te" int, "DEFAULT" int)`,
  `CREATE TABLE zoo."table of\ntwo lines" (id int PRIMARY KEY); INSERT INTO zoo."table of\ntwo lines" VALUES (1)`,
  `CREATE TABLE zoo."table of two lines" (id int); INSERT INTO zoo."table of two lines" VALUES (1), (2)`,
  `CREATE TABLE "Odd; 'schema'\nof two lines"." TABLE DATA public\t– postgres\r" (id int)`,
  `INSERT INTO "Odd; 'schema'\nof two lines"." TABLE DATA public\t– postgres\r" VALUES (7)`,
  // What hangs on tables.
  `CREATE INDEX by_name ON zoo.animals (lower(name)) WHERE name IN ('lion', 'emu')`,
  `CREATE UNIQUE INDEX by_mood ON zoo.animals (m) INCLUDE (weight) NULLS NOT DISTINCT`,
  `CREATE STATISTICS zoo.together (dependencies) ON kind, m FROM zoo.animals`,
  `CREATE FUNCTION zoo.log() RETURNS trigger LANGUAGE plpgsql AS $body$BEGIN\n  RETURN new;\nEND$body$`,
  `CREATE TRIGGER log BEFORE UPDATE ON zoo.animals FOR EACH ROW WHEN (new.name IN ('lion', 'emu')) EXECUTE FUNCTION zoo.log()`,
  `CREATE RULE quiet AS ON DELETE TO zoo.keepers DO INSTEAD NOTHING`,
  `CREATE VIEW zoo.heavy WITH (security_barrier) AS SELECT id, name FROM zoo.animals WHERE weight > 100 AND name IN ('lion')`,
  `CREATE MATERIALIZED VIEW zoo.counted AS SELECT name, count(*) AS n FROM zoo.animals GROUP BY name`,
  `CREATE MATERIALIZED VIEW zoo.not_yet AS SELECT 1 AS one WITH NO DATA`,
  `CREATE SEQUENCE zoo.tickets AS int INCREMENT 5 CYCLE`,
  // Routines, operators, text search.
  `CREATE FUNCTION zoo.peek(a int, b text DEFAULT 'x') RETURNS int LANGUAGE sql SECURITY DEFINER STABLE AS 'SELECT 1'`,
  `CREATE FUNCTION zoo.is_known(name varchar) RETURNS bool LANGUAGE sql IMMUTABLE BEGIN ATOMIC SELECT name IN ('lion', 'emu'); END`,
  `CREATE PROCEDURE zoo.feed(INOUT n int) LANGUAGE plpgsql AS $body$BEGIN\n  n := n + 1;\nEND$body$`,
  `CREATE AGGREGATE zoo.total(int) (sfunc = int4pl, stype = int, initcond = '0')`,
  `CREATE FUNCTION zoo.same(zoo.address, zoo.address) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT $1.number = $2.number'`,
  `CREATE OPERATOR zoo.=== (leftarg = zoo.address, rightarg = zoo.address, function = zoo.same)`,
  `CREATE OPERATOR CLASS zoo.by_size FOR TYPE int USING btree AS OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >,
     FUNCTION 1 btint4cmp(int, int)`,
  `CREATE FUNCTION zoo.to_address(int) RETURNS zoo.address LANGUAGE sql IMMUTABLE AS $body$SELECT ROW('x', $1)::zoo.address$body$`,
  `CREATE CAST (int AS zoo.address) WITH FUNCTION zoo.to_address(int)`,
  `CREATE CONVERSION zoo.latin FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8`,
  `CREATE TEXT SEARCH DICTIONARY zoo.words (TEMPLATE = simple, STOPWORDS = english)`,
  `CREATE TEXT SEARCH CONFIGURATION zoo.search (COPY = simple)`,
  `ALTER TEXT SEARCH CONFIGURATION zoo.search ALTER MAPPING FOR asciiword WITH zoo.words, simple`,
  // Elsewhere.
  `CREATE FOREIGN DATA WRAPPER far`,
  `CREATE SERVER far_away FOREIGN DATA WRAPPER far OPTIONS (host 'db.example', password 'kept out')`,
  `CREATE USER MAPPING FOR PUBLIC SERVER far_away OPTIONS (password 'kept out')`,
  `CREATE FOREIGN TABLE zoo.far (id int OPTIONS (column_name 'key')) SERVER far_away OPTIONS (table_name 'remote')`,
  `CREATE PUBLICATION changes FOR TABLE zoo.animals (id, name) WHERE (id > 1)`,
  `CREATE PUBLICATION wide FOR TABLES IN SCHEMA "Odd; 'schema'\nof two lines"`,
  `CREATE SUBSCRIPTION mirror CONNECTION 'host=publisher.example password=hunter2' PUBLICATION changes
     WITH (connect = false, slot_name = NONE, enabled = false)`,
  `CREATE FUNCTION zoo.watch() RETURNS event_trigger LANGUAGE plpgsql AS $body$BEGIN END$body$`,
  `CREATE EVENT TRIGGER watch ON sql_drop WHEN TAG IN ('DROP TABLE') EXECUTE FUNCTION zoo.watch()`,
  `COMMENT ON COLUMN zoo.animals.name IS 'as on the cage'`,
  `COMMENT ON CONSTRAINT heavy ON zoo.animals IS 'physics'`,
  `SELECT lo_from_bytea(4711, 'a picture')`,
  `COMMENT ON LARGE OBJECT 4711 IS 'of the lion'`,
  // Of more than one piece, with a hole that a restore fills with zeros.
  `SELECT lo_create(4712); SELECT lo_put(4712, 3000000, 'end'); SELECT lo_from_bytea(4713, '')`,
  `CREATE FUNCTION zoo.secretly() RETURNS text LANGUAGE sql AS $body$\n  SELECT 'password=hunter2'\n$body$`,
];

/** A database that holds the zoo, with a table that is owned by a role of its own. */
export async function zooOf(source: ScratchDatabase): Promise<void> {
  await source.execute(...ZOO);
}

/** At least one change of every kind of object, each of which leaves every row as it was. In groups that fit one verdict. */
export const ZOO_CHANGES: Readonly<Record<string, readonly ZooChange[]>> = {
  'tables and columns': [
    {
      statement: `ALTER TABLE zoo.animals ALTER weight DROP DEFAULT`,
      problem: `column zoo.animals.weight: lost its default`,
    },
    {
      statement: `ALTER TABLE zoo.odd ALTER "two\nlines" TYPE bigint`,
      problem: `column zoo.odd."two\nlines": the type differs`,
    },
    {
      statement: `ALTER TABLE zoo.animals ALTER name DROP NOT NULL`,
      problem: `column zoo.animals.name: lost its NOT NULL`,
    },
    {
      statement: `ALTER TABLE zoo.animals ALTER id SET GENERATED BY DEFAULT`,
      problem: `column zoo.animals.id: the identity differs`,
    },
    {
      statement: `ALTER TABLE zoo.animals ALTER grams DROP EXPRESSION`,
      problem: `column zoo.animals.grams: lost its generation`,
    },
    {
      statement: `ALTER TABLE zoo.animals ALTER note TYPE text COLLATE zoo.by_bytes`,
      problem: `column zoo.animals.note: the collation differs`,
    },
    {
      statement: `ALTER TABLE zoo.animals ALTER note SET STORAGE main`,
      problem: `column zoo.animals.note: the storage differs`,
    },
    {
      statement: `ALTER TABLE zoo.animals ALTER name SET STATISTICS 5`,
      problem: `column zoo.animals.name: the statistics target differs`,
    },
    {
      statement: `ALTER TABLE zoo.odd DROP COLUMN "semi;colon"`,
      problem: `column zoo.odd."semi;colon": is missing`,
    },
    {
      statement: `ALTER TABLE zoo.odd ADD COLUMN more int`,
      problem: `column zoo.odd.more: is not in the backup`,
    },
    {
      statement: `ALTER TABLE zoo.scratch SET LOGGED`,
      problem: `table zoo.scratch: lost its persistence`,
    },
    {
      statement: `ALTER TABLE zoo.scratch RESET (fillfactor)`,
      problem: `table zoo.scratch: lost its options`,
    },
    { statement: `ALTER TABLE zoo.c NO INHERIT zoo.a`, problem: `table zoo.c: the parents differ from line 1 on` },
    {
      statement: `ALTER TABLE zoo.keepers REPLICA IDENTITY FULL`,
      problem: `table zoo.keepers: gained replica identity`,
    },
    { statement: `CREATE TABLE zoo.newer (id int PRIMARY KEY)`, problem: `table zoo.newer: is not in the backup` },
    { statement: `DROP TABLE zoo.reviews`, problem: `table zoo.reviews: is missing` },
  ],
  'what belongs to tables': [
    {
      statement: `ALTER TABLE zoo.visits DETACH PARTITION zoo.visits_old`,
      problem: `table zoo.visits_old: lost its partition bound`,
    },
    {
      statement: `ALTER TABLE zoo.animals DROP CONSTRAINT heavy, ADD CONSTRAINT heavy CHECK (weight > -1)`,
      problem: `constraint heavy on zoo.animals: the definition differs`,
    },
    {
      statement: `ALTER TABLE zoo.animals DROP CONSTRAINT alone`,
      problem: `constraint alone on zoo.animals: is missing`,
    },
    {
      statement: `ALTER TABLE zoo.keepers ALTER CONSTRAINT keepers_boss_fkey DEFERRABLE`,
      problem: `constraint keepers_boss_fkey on zoo.keepers: the definition differs`,
    },
    {
      statement: `DROP INDEX zoo.by_name; CREATE INDEX by_name ON zoo.animals (lower(name)) WHERE name IN ('lion', 'newt')`,
      problem: `index zoo.by_name: the definition differs`,
    },
    { statement: `DROP INDEX zoo.by_mood`, problem: `index zoo.by_mood: is missing` },
    {
      statement: `ALTER STATISTICS zoo.together SET STATISTICS 7`,
      problem: `statistics zoo.together: gained target`,
    },
    { statement: `ALTER TABLE zoo.animals DISABLE TRIGGER log`, problem: `trigger log on zoo.animals: gained firing` },
    {
      statement: `ALTER TABLE zoo.keepers DISABLE TRIGGER ALL`,
      problem: `constraint keepers_animal_fkey on zoo.keepers: is not enforced: its triggers are disabled`,
    },
    { statement: `ALTER TABLE zoo.keepers DISABLE RULE quiet`, problem: `rule quiet on zoo.keepers: gained firing` },
  ],
  'views, sequences and comments': [
    {
      statement: `ALTER VIEW zoo.heavy RESET (security_barrier)`,
      problem: `view zoo.heavy: lost its options`,
    },
    {
      statement: `REFRESH MATERIALIZED VIEW zoo.counted WITH NO DATA`,
      problem: `materialized-view zoo.counted: the content differs`,
    },
    { statement: `ALTER SEQUENCE zoo.tickets INCREMENT 6`, problem: `sequence zoo.tickets: the increment differs` },
    {
      statement: `COMMENT ON CONSTRAINT known_name ON zoo.animals IS 'zoology'`,
      problem: `comment on table constraint known_name on zoo.animals: is not in the backup`,
    },
  ],
  'types, routines and operators': [
    { statement: `ALTER TYPE zoo.mood ADD VALUE 'shy'`, problem: `type zoo.mood: the labels differ` },
    { statement: `ALTER DOMAIN zoo.status DROP DEFAULT`, problem: `type zoo.status: lost its default` },
    {
      statement: `ALTER DOMAIN zoo.status DROP CONSTRAINT known`,
      problem: `constraint known on zoo.status: is missing`,
    },
    {
      statement: `ALTER TYPE zoo.address ADD ATTRIBUTE town text`,
      problem: `column zoo.address.town: is not in the backup`,
    },
    {
      statement: `CREATE OR REPLACE FUNCTION zoo.log() RETURNS trigger LANGUAGE plpgsql AS $body$BEGIN\n  RETURN old;\nEND$body$`,
      problem: `function zoo.log(): the definition differs from line 5 on`,
    },
    {
      statement: `ALTER FUNCTION zoo.peek(int, text) VOLATILE`,
      problem: `function zoo.peek(a integer, b text): the definition differs from line 4 on`,
    },
    {
      statement: `CREATE OR REPLACE PROCEDURE zoo.feed(INOUT n int) LANGUAGE plpgsql AS $body$BEGIN\n  n := n + 2;\nEND$body$`,
      problem: `procedure zoo.feed(INOUT n integer): the definition differs from line 4 on`,
    },
    {
      statement: `CREATE OR REPLACE AGGREGATE zoo.total(int) (sfunc = int4pl, stype = int, initcond = '1')`,
      problem: `aggregate zoo.total(integer): the initial state differs`,
    },
    {
      statement: `ALTER OPERATOR zoo.=== (zoo.address, zoo.address) SET (restrict = eqsel)`,
      problem: `operator zoo.===(zoo.address,zoo.address): gained restriction estimator`,
    },
    {
      statement: `DROP OPERATOR CLASS zoo.by_size USING btree`,
      problem: `operator class zoo.by_size USING btree: is missing`,
    },
    { statement: `DROP CAST (int AS zoo.address)`, problem: `cast (integer AS zoo.address): is missing` },
    { statement: `DROP CONVERSION zoo.latin`, problem: `conversion zoo.latin: is missing` },
    {
      statement: `CREATE OR REPLACE FUNCTION zoo.secretly() RETURNS text LANGUAGE sql AS $body$\n  SELECT 'password=hunter3'\n$body$`,
      problem: `function zoo.secretly(): the definition differs from line 5 on`,
    },
  ],
  'everything else': [
    {
      statement: `CREATE COLLATION zoo.other (provider = libc, locale = 'POSIX')`,
      problem: `collation zoo.other: is not in the backup`,
    },
    {
      statement: `ALTER TEXT SEARCH DICTIONARY zoo.words (STOPWORDS)`,
      problem: `text search dictionary zoo.words: lost its initialization`,
    },
    {
      statement: `ALTER TEXT SEARCH CONFIGURATION zoo.search DROP MAPPING FOR asciiword`,
      problem: `text search configuration zoo.search: the mappings differ from line 2 on`,
    },
    {
      statement: `ALTER SERVER far_away OPTIONS (SET host 'elsewhere')`,
      problem: `server far_away: the options differ from line 1 on`,
    },
    {
      statement: `DROP USER MAPPING FOR PUBLIC SERVER far_away`,
      problem: `user mapping public on server far_away: is missing`,
    },
    {
      statement: `ALTER FOREIGN TABLE zoo.far OPTIONS (SET table_name 'other')`,
      problem: `foreign-table zoo.far: the foreign options differ`,
    },
    {
      statement: `ALTER PUBLICATION changes SET (publish = 'insert')`,
      problem: `publication changes: the operations differ`,
    },
    {
      statement: `ALTER EVENT TRIGGER watch DISABLE`,
      problem: `event trigger watch: gained firing`,
    },
    {
      statement: `COMMENT ON COLUMN zoo.animals.name IS 'as in the passport'`,
      problem: `comment on table column zoo.animals.name: the text differs`,
    },
    {
      statement: `COMMENT ON LARGE OBJECT 4711 IS 'of the emu'`,
      problem: `comment on large object 4711: the text differs`,
    },
    { statement: `CREATE SCHEMA annex`, problem: `schema annex: is not in the backup` },
  ],
};
