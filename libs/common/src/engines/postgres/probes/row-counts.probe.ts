import { z } from 'zod';
import { listTables } from '#common/engines/postgres/facts/tables.js';
import { definePgProbe, type PgPlace } from '#common/engines/postgres/probes/pg-probe.js';
import { findExtras } from '#common/engines/postgres/probes/schema/compare-extras.js';
import { conclude, countOf, EvidenceLog, nothingToCompare } from '#common/probes/evidence.js';
import { compareRows, isEstimated } from './compare-rows.js';
import { matchesAny } from './qualified-name.js';
import { countRestored, readRestored } from './restored-facts.js';

/** Every table has as many rows as in the dump's own snapshot. */
export const rowCountsProbe = definePgProbe({
  name: 'row-counts',
  summary: 'Every table has exactly as many rows as the backup’s snapshot',
  timeoutMs: 3_600_000,
  params: z.strictObject({
    tables: z.array(z.string()).min(1).default(['*']).describe('schema.table with *'),
    extraTables: z.enum(['fail', 'allow']).default('fail').describe('Tables that the backup does not know'),
    tolerancePercent: z.number().min(0).max(100).default(10).describe('For tables that are counted by estimate'),
  }),
  check: (context: PgPlace, { tables, extraTables, tolerancePercent }) =>
    readRestored(context, async (session) => {
      const expected = context.manifest.snapshot.tables.filter(({ name }) => matchesAny(name, tables));
      if (expected.length === 0) return nothingToCompare('the backup holds none of the tables');
      const names = expected.map(({ name }) => name);
      const entries = await listTables(session);
      const actual = await countRestored(session, entries, new Set(names));
      const problems = new EvidenceLog();
      problems.add(...compareRows(expected, actual, tolerancePercent));
      const present = entries
        .filter((table) => !table.isExtensionConfig && matchesAny(table.name, tables))
        .map(({ name }) => name);
      if (extraTables === 'fail') problems.add(...findExtras('table', names, present));

      const found = new Map(actual.map((table) => [table.name, table]));
      const estimated = expected.filter((table) => isEstimated(table, found.get(table.name))).length;
      const rows = expected.reduce((sum, table) => sum + table.rows, 0);
      return conclude({
        looked: `${countOf(expected.length, 'table')}, ${countOf(rows, 'row')}`,
        problems,
        facts: expected.slice(0, 5).map(({ name, rows: before }) => ({
          subject: name,
          expected: before,
          actual: found.get(name)?.rows ?? null,
        })),
        notes:
          estimated > 0 ? [`${countOf(estimated, 'table')} compared by estimate within ${tolerancePercent} %`] : [],
      });
    }),
});
