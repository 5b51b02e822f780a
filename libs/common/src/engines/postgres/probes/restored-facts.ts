import type { TableFacts } from '#common/contracts/snapshot-facts.js';
import { countTables } from '#common/engines/postgres/facts/counts.js';
import { inReadOnlySnapshot } from '#common/engines/postgres/facts/pinned-session.js';
import { readPolicies } from '#common/engines/postgres/facts/policies.js';
import { listTables, type TableEntry } from '#common/engines/postgres/facts/tables.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';
import type { PgPlace } from '#common/engines/postgres/probes/pg-probe.js';
import type { GuardedTable } from '#common/engines/postgres/probes/rls/compare-rls.js';
import { withSession } from './probe-session.js';

/**
 * Facts of the restored database, read by the very code that read those of the snapshot: what is compared as text must have been
 * printed by the same rules.
 */
export const readRestored = <T>(context: PgPlace, read: (session: PgSession) => Promise<T>): Promise<T> =>
  withSession(context, (session) => inReadOnlySnapshot(session, () => read(session)));

/** Tables of the restored database that `names` has, counted exactly however large they are. */
export async function countRestored(
  session: PgSession,
  entries: readonly TableEntry[],
  names: ReadonlySet<string>,
): Promise<Pick<TableFacts, 'name' | 'rows' | 'rowsExact'>[]> {
  const counts = await countTables(session, withPartitions(entries, names), {
    fingerprintTables: [],
    exactCountLimit: Number.MAX_SAFE_INTEGER,
  });
  return entries.flatMap(({ oid, name }) => {
    const count = names.has(name) ? counts.get(oid) : undefined;
    return count === undefined ? [] : [{ name, rows: count.rows, rowsExact: count.rowsExact }];
  });
}

/** The content digest of one table, its partitions included. */
export async function fingerprintRestored(
  session: PgSession,
  entries: readonly TableEntry[],
  table: TableEntry,
): Promise<string | null> {
  const counts = await countTables(session, withPartitions(entries, new Set([table.name])), {
    fingerprintTables: [table.plainName],
    exactCountLimit: 0,
  });
  return counts.get(table.oid)?.fingerprint ?? null;
}

export async function readGuardedTables(session: PgSession): Promise<GuardedTable[]> {
  const policies = await readPolicies(session);
  return (await listTables(session)).map(({ oid, name, rlsEnabled, rlsForced }) => ({
    name,
    rls: { enabled: rlsEnabled, forced: rlsForced, policies: policies.get(oid) ?? [] },
  }));
}

/** A partitioned table's rows are those of its partitions. */
function withPartitions(entries: readonly TableEntry[], names: ReadonlySet<string>): TableEntry[] {
  const chosen = new Set<string>();
  const add = ({ oid }: TableEntry): void => {
    chosen.add(oid);
    for (const entry of entries) if (entry.partitionOf === oid) add(entry);
  };
  for (const entry of entries) if (names.has(entry.name)) add(entry);
  return entries.filter(({ oid }) => chosen.has(oid));
}
