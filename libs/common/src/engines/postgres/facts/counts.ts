import { matchesPattern } from '#common/domain/pattern.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';
import { printed, sql } from '#common/pg/sql.js';
import { addSums, type ContentSums, NO_CONTENT, sumContent, toFingerprint } from './fingerprint.js';
import type { TableEntry } from './tables.js';

export interface CountOptions {
  /** `schema.table` patterns with `*`: their content is fingerprinted, which counts them exactly. */
  readonly fingerprintTables: readonly string[];
  /** Tables with more estimated rows than this are sampled. */
  readonly exactCountLimit: number;
}

/** How many rows one table has, and what is in them. */
export interface TableCount {
  readonly rows: number;
  readonly rowsExact: boolean;
  readonly fingerprint: string | null;
}

/** One table's own rows: sums where they were asked for. */
interface OwnCount {
  readonly rows: number;
  readonly rowsExact: boolean;
  readonly sums: ContentSums | undefined;
}

/** Blocks that an estimate reads: 128 MiB at most, whatever the table's size. */
const SAMPLED_BLOCKS = 16_384;

/**
 * Counts every table, by oid. Each table's own rows are read once; a partitioned table has those of all its partitions.
 * It reads the tables themselves and no catalog: beside a dump it must hold no lock but those that the dump has too.
 */
export async function countTables(
  session: PgSession,
  tables: readonly TableEntry[],
  o: CountOptions,
): Promise<Map<string, TableCount>> {
  const digested = toDigested(tables, o.fingerprintTables);
  const { inRecovery } = await session.queryOne<{ inRecovery: boolean }>(`SELECT pg_is_in_recovery() AS "inRecovery"`);
  const own = new Map<string, OwnCount>();
  for (const table of tables) {
    if (table.isPartitioned) continue;
    if (table.isUnlogged && inRecovery) own.set(table.oid, { rows: 0, rowsExact: true, sums: undefined });
    else if (digested.has(table.oid)) own.set(table.oid, toOwnCount(await sumContent(session, table)));
    else own.set(table.oid, await countRows(session, table, o.exactCountLimit));
  }
  return new Map(tables.map((table) => [table.oid, toTableCount(table, toLeaves(table, tables, own), digested)]));
}

/** The tables whose patterns match, with all their partitions. */
function toDigested(tables: readonly TableEntry[], patterns: readonly string[]): Set<string> {
  const digested = new Set<string>();
  const isChosen = ({ plainName }: TableEntry) => patterns.some((pattern) => matchesPattern(pattern, plainName));
  const add = (table: TableEntry): void => {
    digested.add(table.oid);
    for (const partition of tables) if (partition.partitionOf === table.oid) add(partition);
  };
  for (const table of tables) if (isChosen(table)) add(table);
  return digested;
}

const toOwnCount = (sums: ContentSums): OwnCount => ({ rows: Number(sums.rows), rowsExact: true, sums });

function toLeaves(table: TableEntry, tables: readonly TableEntry[], own: ReadonlyMap<string, OwnCount>): OwnCount[] {
  const count = own.get(table.oid);
  if (count !== undefined) return [count];
  return tables.filter(({ partitionOf }) => partitionOf === table.oid).flatMap((part) => toLeaves(part, tables, own));
}

function toTableCount(table: TableEntry, leaves: readonly OwnCount[], digested: ReadonlySet<string>): TableCount {
  const sums = leaves.map((leaf) => leaf.sums);
  const isDigested = digested.has(table.oid) && sums.every((sum) => sum !== undefined);
  return {
    rows: leaves.reduce((total, leaf) => total + leaf.rows, 0),
    rowsExact: leaves.every((leaf) => leaf.rowsExact),
    fingerprint: isDigested ? toFingerprint(sums.reduce(addSums, NO_CONTENT)) : null,
  };
}

async function countRows(session: PgSession, table: TableEntry, exactCountLimit: number): Promise<OwnCount> {
  const { blocks } = await session.queryOne<{ blocks: number }>(
    `SELECT (pg_relation_size($1::oid) / current_setting('block_size')::bigint)::float8 AS blocks`,
    [table.oid],
  );
  if (blocks * table.density <= exactCountLimit || blocks <= SAMPLED_BLOCKS) {
    const { rows } = await session.queryOne<{ rows: string }>(
      sql`SELECT count(*)::text AS rows FROM ONLY ${printed(table.name)}`,
    );
    return { rows: Number(rows), rowsExact: true, sums: undefined };
  }
  const percent = (SAMPLED_BLOCKS * 100) / blocks;
  const { rows } = await session.queryOne<{ rows: string }>(
    sql`SELECT count(*)::text AS rows FROM ONLY ${printed(table.name)} TABLESAMPLE SYSTEM ($1) REPEATABLE (1)`,
    [percent],
  );
  return { rows: Math.round((Number(rows) * 100) / percent), rowsExact: false, sums: undefined };
}
