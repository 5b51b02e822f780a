import type { z } from 'zod';
import type { SequenceFacts } from '#common/contracts/snapshot-facts.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';
import { joined, printed, sql } from '#common/pg/sql.js';
import { isExtensionMember, USER_SCHEMA } from './sql.js';

type Sequence = z.infer<typeof SequenceFacts>;

/** One statement for so many sequences: a union of thousands is slow to plan. */
const BATCH = 200;

/** Where every sequence stands now: sequences follow no snapshot, they only ever show the present. */
export async function readSequences(session: PgSession): Promise<Sequence[]> {
  const names = await session.query<{ name: string }>(`
    SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS name
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'S' AND c.relpersistence <> 't' AND ${USER_SCHEMA}
      AND NOT ${isExtensionMember('pg_class', 'c.oid')}
    ORDER BY n.nspname, c.relname`);
  const sequences: Sequence[] = [];
  for (let start = 0; start < names.length; start += BATCH) {
    const reads = names
      .slice(start, start + BATCH)
      .map(({ name }, index) => sql`SELECT ${index} AS place, last_value::text, is_called FROM ${printed(name)}`);
    const rows = await session.query<{ place: number; last_value: string; is_called: boolean }>(
      joined(reads, sql` UNION ALL `),
    );
    for (const { place, last_value, is_called } of rows.sort((a, b) => a.place - b.place)) {
      sequences.push({ name: names[start + place]?.name ?? '', lastValue: last_value, isCalled: is_called });
    }
  }
  return sequences;
}

/** The first readings, each with where it stood at the end if it moved: what a dump read lies between the two. */
export function withEndValues(before: readonly Sequence[], after: readonly Sequence[]): Sequence[] {
  const ends = new Map(after.map((sequence) => [sequence.name, sequence]));
  return before.map((sequence) => {
    const end = ends.get(sequence.name);
    const hasMoved = end !== undefined && (end.lastValue !== sequence.lastValue || end.isCalled !== sequence.isCalled);
    return hasMoved ? { ...sequence, lastValueAtEnd: end.lastValue } : sequence;
  });
}
