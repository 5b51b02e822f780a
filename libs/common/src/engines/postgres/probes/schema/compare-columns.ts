import type { Definition } from '#common/contracts/definition.js';
import type { Evidence } from '#common/domain/verdict.js';
import { compareProperties } from './compare-properties.js';

type Columns = NonNullable<Definition['columns']>;

/** Columns by name, and their order. `columnsOf` knows the restored tables. */
export function compareColumns(
  before: Definition,
  after: Definition,
  columnsOf: (table: string) => Columns | undefined,
): { existence: Evidence[]; form: Evidence[]; notes: string[] } {
  const [expected, actual] = [before.columns ?? [], after.columns ?? []];
  const others = new Map(actual.map((column) => [column.name, column]));
  const known = new Set(expected.map(({ name }) => name));
  const toSubject = (name: string): string => `column ${before.identity}.${name}`;
  const missing = expected.filter(({ name }) => !others.has(name));
  const extra = actual.filter(({ name }) => !known.has(name));
  const existence: Evidence[] = [
    ...missing.map(({ name }) => ({ subject: toSubject(name), problem: 'is missing' })),
    ...extra.map(({ name }) => ({ subject: toSubject(name), problem: 'is not in the backup' })),
  ];
  const form = expected.flatMap(({ name, is }) => {
    const other = others.get(name);
    return other === undefined ? [] : compareProperties(toSubject(name), is, other.is);
  });
  const [was, now] = [
    namesOf(expected).filter((name) => others.has(name)),
    namesOf(actual).filter((n) => known.has(n)),
  ];
  if (isSameList(was, now)) return { existence, form, notes: [] };
  const subject = `${before.kind} ${before.identity}`;
  if (isSameList(toOrderOfArchive(before, was, columnsOf), now))
    return {
      existence,
      form,
      notes: [`${subject} has its inherited columns first: pg_dump does not carry their order`],
    };
  const orders = { expected: was.join(', '), actual: now.join(', ') };
  return { existence, form: [...form, { subject, ...orders, problem: 'the order of columns differs' }], notes: [] };
}

/**
 * What an archive makes of a table that inherits: `CREATE TABLE … INHERITS (a, b)` has the columns of its parents first, as those have
 * them now, and then its own. A table that became a child later, or whose parents differ in order, had another order before.
 */
function toOrderOfArchive(
  { is }: Definition,
  names: readonly string[],
  columnsOf: (table: string) => Columns | undefined,
): string[] {
  // Partitions are created by themselves and attached.
  if (is['parents'] === undefined || is['partition bound'] !== undefined) return [...names];
  const inherited = is['parents'].split('\n').flatMap((parent) => namesOf(columnsOf(parent) ?? []));
  return [...new Set([...inherited.filter((name) => names.includes(name)), ...names])];
}

const namesOf = (columns: Columns): string[] => columns.map(({ name }) => name);
const isSameList = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((name, index) => name === b[index]);
