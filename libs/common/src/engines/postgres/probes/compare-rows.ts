import type { TableFacts } from '#common/contracts/snapshot-facts.js';
import type { Evidence } from '#common/domain/verdict.js';
import { countOf } from '#common/probes/evidence.js';

export type CountedTable = Pick<TableFacts, 'name' | 'rows' | 'rowsExact'>;

/** Missing tables and differing counts. Where a side is an estimate, within `tolerancePercent` of the larger. */
export function compareRows(
  expected: readonly CountedTable[],
  actual: readonly CountedTable[],
  tolerancePercent: number,
): Evidence[] {
  const found = new Map(actual.map((table) => [table.name, table]));
  return expected.flatMap((table) => compareTable(table, found.get(table.name), tolerancePercent));
}

function compareTable(expected: CountedTable, actual: CountedTable | undefined, tolerancePercent: number): Evidence[] {
  const base = { subject: expected.name, expected: expected.rows };
  if (actual === undefined) return [{ ...base, problem: 'the table is missing' }];
  const difference = actual.rows - expected.rows;
  const allowed = isEstimated(expected, actual) ? (Math.max(actual.rows, expected.rows) * tolerancePercent) / 100 : 0;
  if (Math.abs(difference) <= allowed) return [];
  const amount = `${countOf(Math.abs(difference), 'row')} ${difference < 0 ? 'fewer' : 'more'} than in the backup`;
  const problem = allowed > 0 ? `${amount}, beyond ${tolerancePercent} % of an estimate` : amount;
  return [{ ...base, actual: actual.rows, problem }];
}

export const isEstimated = (expected: CountedTable, actual: CountedTable | undefined): boolean =>
  !expected.rowsExact || actual?.rowsExact === false;
