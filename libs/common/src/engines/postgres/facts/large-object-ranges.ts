import type { LargeObjectFacts } from '#common/contracts/snapshot-facts.js';
import { matchesPattern } from '#common/domain/pattern.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';
import { toPrivileges } from './sql.js';

/** Some databases have millions: the facts hold them in so many ranges of their numbers at most. */
const MAX_RANGES = 500;

/** Large objects are read in pieces of so many bytes. */
const PIECE_BYTES = 1024 * 1024;

/** What patterns of the content to be digested are matched with. */
const TABLE = 'pg_catalog.pg_largeobject';

/** `(SELECT oid, range FROM …)` of all large objects → the facts of each range, in order. */
const toRanges = (ranged: string): string => `
  SELECT
    min(l.oid)::text AS "from", max(l.oid)::text AS "to", count(*)::int AS count,
    encode(sha256(string_agg(int8send(l.oid::bigint), ''::bytea ORDER BY l.oid)), 'hex') AS numbers,
    CASE WHEN count(DISTINCT m.lomowner) = 1 THEN min(pg_get_userbyid(m.lomowner)::text) ELSE 'sha256:' || encode(sha256(
      string_agg(int8send(l.oid::bigint) || convert_to(pg_get_userbyid(m.lomowner)::text, 'SQL_ASCII'), ''::bytea ORDER BY l.oid)
    ), 'hex') END AS owner,
    CASE WHEN count(DISTINCT p.list) = 1 THEN min(p.list) ELSE 'sha256:' || encode(sha256(
      string_agg(int8send(l.oid::bigint) || convert_to(p.list, 'SQL_ASCII'), ''::bytea ORDER BY l.oid)
    ), 'hex') END AS privileges,
    NULL AS content
  FROM (${ranged}) l
  JOIN pg_largeobject_metadata m ON m.oid = l.oid
  CROSS JOIN LATERAL (
    SELECT array_to_string(${toPrivileges(`coalesce(m.lomacl, acldefault('L', m.lomowner))`)}, ', ') AS list
  ) p
  GROUP BY l.range
  ORDER BY min(l.oid)`;

/** Which large objects there are and whose, without their content: a look at the catalog. */
export const readLargeObjects = (session: PgSession): Promise<LargeObjectFacts[]> =>
  session.query<LargeObjectFacts>(
    toRanges(`
      SELECT oid, (row_number() OVER (ORDER BY oid) - 1) / greatest(1, ceil(count(*) OVER () / $1::numeric)) ::int AS range
      FROM pg_largeobject_metadata`),
    [MAX_RANGES],
  );

/** Those of the session's database within the ranges of another one, by where the range begins. */
export async function readLargeObjectsWithin(
  session: PgSession,
  ranges: readonly LargeObjectFacts[],
): Promise<ReadonlyMap<string, LargeObjectFacts>> {
  const rows = await session.query<LargeObjectFacts & { readonly begin: string }>(
    `SELECT r.begin::text AS begin, f.*
     FROM unnest($1::oid[], $2::oid[]) AS r ("begin", "end")
     CROSS JOIN LATERAL (${toRanges(`
       SELECT oid, 1 AS range FROM pg_largeobject_metadata WHERE oid BETWEEN r.begin AND r.end`)}) f`,
    [ranges.map(({ from }) => from), ranges.map(({ to }) => to)],
  );
  return new Map(rows.map(({ begin, ...facts }) => [begin, facts]));
}

/** Numbers of large objects that lie in none of the ranges: the first, and how many there are. */
export async function findLargeObjectsOutside(
  session: PgSession,
  ranges: readonly LargeObjectFacts[],
): Promise<{ readonly count: number; readonly first: string[] }> {
  return session.queryOne(
    `SELECT count(*)::int AS count, coalesce((array_agg(m.oid::text ORDER BY m.oid))[:5], '{}') AS first
     FROM pg_largeobject_metadata m
     WHERE NOT EXISTS (
       SELECT FROM unnest($1::oid[], $2::oid[]) AS r ("begin", "end") WHERE m.oid BETWEEN r.begin AND r.end
     )`,
    [ranges.map(({ from }) => from), ranges.map(({ to }) => to)],
  );
}

const toPiece = (oid: string, offset: string): string =>
  `SELECT sha256(b.data) AS digest, length(b.data)::bigint AS size FROM (SELECT lo_get(${oid}, ${offset}, ${PIECE_BYTES}) AS data) b`;

const CONTENT = `
  WITH RECURSIVE piece AS (
    SELECT m.oid, 0::bigint AS place, d.digest, d.size
    FROM pg_largeobject_metadata m
    CROSS JOIN LATERAL (${toPiece('m.oid', '0')}) d
    WHERE m.oid BETWEEN $1::oid AND $2::oid
    UNION ALL
    SELECT p.oid, p.place + 1, d.digest, d.size
    FROM piece p
    CROSS JOIN LATERAL (${toPiece('p.oid', `(p.place + 1) * ${PIECE_BYTES}`)}) d
    WHERE p.size = ${PIECE_BYTES}
  )
  SELECT encode(sha256(coalesce(
    string_agg(int8send(oid::bigint) || int8send(size) || digest, ''::bytea ORDER BY oid, place), ''
  )), 'hex') AS content
  FROM piece`;

/**
 * One digest over numbers and contents of all large objects of a range. Read as pg_dump reads them, so with the same rights. Locks of
 * large objects last until the transaction ends, savepoint or not: beside a dump, a session that waits for one of them would stand in the dump's way.
 */
export async function readLargeObjectContent(
  session: PgSession,
  { from, to }: Pick<LargeObjectFacts, 'from' | 'to'>,
): Promise<string> {
  const { content } = await session.queryOne<{ content: string }>(CONTENT, [from, to]);
  return `lo1:${content}`;
}

/** With the digest of their content, where a pattern chooses it. */
export async function withContents(
  session: PgSession,
  ranges: readonly LargeObjectFacts[],
  patterns: readonly string[],
): Promise<LargeObjectFacts[]> {
  if (!patterns.some((pattern) => matchesPattern(pattern, TABLE))) return [...ranges];
  const read: LargeObjectFacts[] = [];
  for (const range of ranges) read.push({ ...range, content: await readLargeObjectContent(session, range) });
  return read;
}
