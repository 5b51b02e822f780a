import { z } from 'zod';
import type { LargeObjectFacts, TableFacts } from '#common/contracts/snapshot-facts.js';
import type { Evidence } from '#common/domain/verdict.js';
import { listTables } from '#common/engines/postgres/facts/tables.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';
import { definePgProbe, type PgPlace } from '#common/engines/postgres/probes/pg-probe.js';
import { compareLargeObjectContents } from '#common/engines/postgres/probes/schema/compare-large-objects.js';
import { conclude, countOf, EvidenceLog, nothingToCompare } from '#common/probes/evidence.js';
import { matchesAny } from './qualified-name.js';
import { fingerprintRestored, readRestored } from './restored-facts.js';

/** The content of every chosen table is the one of the dump's own snapshot, row by row, in any order. */
export const fingerprintsProbe = definePgProbe({
  name: 'fingerprints',
  summary: 'The content of tables equals the backup’s snapshot, by a digest over all rows and columns',
  timeoutMs: 2 * 3_600_000,
  params: z.strictObject({
    tables: z.array(z.string()).min(1).default(['*']).describe('schema.table with *'),
  }),
  check: (context: PgPlace, { tables }) =>
    readRestored(context, async (session) => {
      const { snapshot } = context.manifest;
      const chosen = snapshot.tables.filter(({ name }) => matchesAny(name, tables));
      const expected = chosen.filter(({ fingerprint }) => fingerprint !== null);
      const objects = toDigested(snapshot.largeObjects, tables);
      if (expected.length + objects.length === 0)
        return nothingToCompare('the backup holds no fingerprint of the tables');
      const problems = new EvidenceLog();
      problems.add(
        ...(await compareTables(session, expected)),
        ...(await compareLargeObjectContents(session, objects)),
      );
      const left = chosen.length - expected.length;
      return conclude({
        looked: [countOf(expected.length, 'table'), ...toLooked(objects)].join(', '),
        problems,
        notes: left > 0 ? [`${countOf(left, 'table')} without a fingerprint in the backup`] : [],
      });
    }),
});

async function compareTables(session: PgSession, expected: readonly TableFacts[]): Promise<Evidence[]> {
  const entries = await listTables(session);
  const problems: Evidence[] = [];
  for (const { name, fingerprint } of expected) {
    const table = entries.find((entry) => entry.name === name);
    const actual = table === undefined ? null : await fingerprintRestored(session, entries, table);
    if (actual === fingerprint) continue;
    const problem = actual === null ? 'the table is missing' : 'the content differs';
    problems.push({ subject: name, expected: fingerprint, actual, problem });
  }
  return problems;
}

/** They are rows of a table of PostgreSQL's own, and chosen by its name. */
const toDigested = (objects: readonly LargeObjectFacts[] = [], tables: readonly string[]): LargeObjectFacts[] =>
  matchesAny('pg_catalog.pg_largeobject', tables) ? objects.filter(({ content }) => content !== null) : [];

const toLooked = (objects: readonly LargeObjectFacts[]): string[] =>
  objects.length === 0
    ? []
    : [
        countOf(
          objects.reduce((sum, { count }) => sum + count, 0),
          'large object',
        ),
      ];
