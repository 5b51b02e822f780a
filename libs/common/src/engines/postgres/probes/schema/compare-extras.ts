import type { Evidence } from '#common/domain/verdict.js';

/** What is there and was not in the backup: under a restore in place, what was made after it. */
export function findExtras(what: string, expected: Iterable<string>, actual: Iterable<string>): Evidence[] {
  const known = new Set(expected);
  return [...actual]
    .filter((name) => !known.has(name))
    .sort()
    .map((name) => ({ subject: name, problem: `the ${what} is not in the backup` }));
}
