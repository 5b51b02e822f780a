import type { ScratchDatabase } from './scratch-database.js';

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
