import type { PgSession } from '#common/engines/postgres/pg-session.js';
import { joined, printed, sql } from '#common/pg/sql.js';
import type { TableEntry } from './tables.js';

/** Rows and content of one table, as sums: adding two tables' sums gives the sums of both together. */
export interface ContentSums {
  readonly rows: bigint;
  readonly high: bigint;
  readonly low: bigint;
}

/**
 * Digests every row and adds the digests up, so that the order of rows does not matter and equal rows do not cancel out.
 * A row's text is its columns by name; settings that change how values print are pinned (pinned-session.ts). SHA-256 because
 * it is the same on every server, also on those that forbid MD5.
 */
export async function sumContent(session: PgSession, table: TableEntry): Promise<ContentSums> {
  const row = sql`ROW(${joined(table.columns.map(printed))})::text`;
  // Bytes of an SQL_ASCII database have no known encoding and cannot be converted.
  const encoding = sql`CASE current_setting('server_encoding') WHEN 'SQL_ASCII' THEN 'SQL_ASCII' ELSE 'UTF8' END`;
  const sums = await session.queryOne<{ rows: string; high: string; low: string }>(sql`
    SELECT
      count(*)::text AS rows,
      coalesce(sum(('x' || encode(substring(digest FROM 1 FOR 8), 'hex'))::bit(64)::bigint), 0)::text AS high,
      coalesce(sum(('x' || encode(substring(digest FROM 9 FOR 8), 'hex'))::bit(64)::bigint), 0)::text AS low
    FROM (SELECT sha256(convert_to(${row}, ${encoding})) AS digest FROM ONLY ${printed(table.name)}) AS digests`);
  return { rows: BigInt(sums.rows), high: BigInt(sums.high), low: BigInt(sums.low) };
}

export const NO_CONTENT: ContentSums = { rows: 0n, high: 0n, low: 0n };

export const addSums = (a: ContentSums, b: ContentSums): ContentSums => ({
  rows: a.rows + b.rows,
  high: a.high + b.high,
  low: a.low + b.low,
});

/** `sum1:` names the method, so that a later one is never compared with it. */
export const toFingerprint = ({ high, low }: ContentSums): string => `sum1:${toHex64(high)}${toHex64(low)}`;

const toHex64 = (sum: bigint): string => BigInt.asUintN(64, sum).toString(16).padStart(16, '0');
