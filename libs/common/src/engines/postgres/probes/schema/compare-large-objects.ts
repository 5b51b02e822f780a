import type { LargeObjectFacts } from '#common/contracts/snapshot-facts.js';
import type { Evidence } from '#common/domain/verdict.js';
import {
  findLargeObjectsOutside,
  readLargeObjectContent,
  readLargeObjectsWithin,
} from '#common/engines/postgres/facts/large-object-ranges.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';
import { toPrivilegeProblem } from '#common/engines/postgres/probes/schema/compare-objects.js';
import { toShortList } from '#common/errors/printable.js';

export const toSubject = ({ from, to, count }: LargeObjectFacts): string =>
  from === to ? `large object ${from}` : `large objects ${from} to ${to} (${count})`;

/** The same numbers: tables refer to them. */
export async function compareLargeObjects(
  session: PgSession,
  expected: readonly LargeObjectFacts[],
  extraObjects: 'fail' | 'allow',
): Promise<Evidence[]> {
  const found = await readLargeObjectsWithin(session, expected);
  const problems = expected.flatMap((range): Evidence[] => {
    const other = found.get(range.from);
    if (other?.numbers === range.numbers) return [];
    const counts = { expected: range.count, actual: other?.count ?? 0 };
    return [{ subject: toSubject(range), ...counts, problem: range.count === 1 ? 'is missing' : 'are others' }];
  });
  const { count, first } = await findLargeObjectsOutside(session, expected);
  if (count === 0 || extraObjects === 'allow') return problems;
  const subject = `large object ${toShortList(first, { total: count })}`;
  return [...problems, { subject, problem: 'is not in the backup' }];
}

/** The content where the backup holds its digest, range by range. */
export async function compareLargeObjectContents(
  session: PgSession,
  expected: readonly LargeObjectFacts[],
): Promise<Evidence[]> {
  const problems: Evidence[] = [];
  for (const range of expected) {
    if (range.content === null) continue;
    const actual = await readLargeObjectContent(session, range);
    if (actual === range.content) continue;
    problems.push({ subject: toSubject(range), expected: range.content, actual, problem: 'the content differs' });
  }
  return problems;
}

/** Their owners: as before, or the one role that owns everything. `compareLargeObjects` reports those that are missing. */
export async function compareLargeObjectOwners(
  session: PgSession,
  expected: readonly LargeObjectFacts[],
  owner?: string,
): Promise<Evidence[]> {
  const found = await readLargeObjectsWithin(session, expected);
  return expected.flatMap((range): Evidence[] => {
    const actual = found.get(range.from)?.owner;
    const wanted = owner ?? range.owner;
    if (actual === undefined || actual === wanted) return [];
    return [{ subject: toSubject(range), expected: wanted, actual, problem: 'the owner changed' }];
  });
}

/** Their privileges, where the backup knows them. */
export async function compareLargeObjectPrivileges(
  session: PgSession,
  expected: readonly LargeObjectFacts[],
): Promise<Evidence[]> {
  const found = await readLargeObjectsWithin(session, expected);
  return expected.flatMap((range): Evidence[] => {
    const other = found.get(range.from);
    const [before, after] = [range.privileges, other?.privileges];
    if (before === undefined || after === undefined || before === after) return [];
    // Those of another owner are granted by it: that it is another one says all.
    if (other?.owner !== range.owner) return [];
    const [listed, now] = [before, after].map((list) => (list === '' ? [] : list.split(', ')));
    const problem = toPrivilegeProblem(listed ?? [], now ?? []) ?? 'privileges differ';
    return [{ subject: toSubject(range), expected: before, actual: after, problem }];
  });
}
