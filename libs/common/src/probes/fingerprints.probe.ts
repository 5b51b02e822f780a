import { z } from 'zod';
import { listTables } from '#common/engines/postgres/facts/facts-tables.js';
import { defineProbe } from './define-probe.js';
import { conclude, countOf, EvidenceLog, nothingToCompare } from './evidence.js';
import { matchesAny } from './name-pattern.js';
import { fingerprintRestored, readRestored } from './restored-facts.js';

/** The content of every chosen table is the one of the dump's own snapshot, row by row, in any order. */
export const fingerprintsProbe = defineProbe({
  name: 'fingerprints',
  summary: 'The content of tables equals the backup’s snapshot, by a digest over all rows and columns',
  timeoutMs: 2 * 3_600_000,
  params: z.strictObject({
    tables: z.array(z.string()).min(1).default(['*']).describe('schema.table with *'),
  }),
  check: (context, { tables }) =>
    readRestored(context, async (session) => {
      const chosen = context.manifest.snapshot.tables.filter(({ name }) => matchesAny(name, tables));
      const expected = chosen.filter(({ fingerprint }) => fingerprint !== null);
      if (expected.length === 0) return nothingToCompare('the backup holds no fingerprint of the tables');
      const problems = new EvidenceLog();
      const entries = await listTables(session);
      for (const { name, fingerprint } of expected) {
        const table = entries.find((entry) => entry.name === name);
        const actual = table === undefined ? null : await fingerprintRestored(session, entries, table);
        if (actual === fingerprint) continue;
        const problem = actual === null ? 'the table is missing' : 'the content differs';
        problems.add({ subject: name, expected: fingerprint, actual, problem });
      }
      const left = chosen.length - expected.length;
      return conclude({
        looked: countOf(expected.length, 'table'),
        problems,
        notes: left > 0 ? [`${countOf(left, 'table')} without a fingerprint in the backup`] : [],
      });
    }),
});
