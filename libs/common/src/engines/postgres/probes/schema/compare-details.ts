import type { DetailFacts, SnapshotFacts } from '#common/contracts/snapshot-facts.js';
import type { Evidence } from '#common/domain/verdict.js';

const DISABLED: Readonly<Record<string, string>> = {
  D: 'is not enforced: its triggers are disabled',
  R: 'is not enforced: its triggers fire on replicas only',
};

/**
 * Switched-off constraints, rules, options, definitions of sequences, publications, event triggers, comments, large objects.
 * `isAllowed` is asked about what the backup does not know.
 */
export function compareDetails(
  expected: readonly DetailFacts[],
  actual: readonly DetailFacts[],
  isAllowed: (extra: DetailFacts) => boolean,
): Evidence[] {
  const before = new Map(expected.map((detail) => [toKey(detail), detail]));
  const after = new Set(actual.map(toKey));
  const lost = expected
    // No archive says that a constraint is not enforced: a restore enforces it.
    .filter((detail) => detail.kind !== 'disabled-constraint' && !after.has(toKey(detail)))
    .map(({ identity, value }) => ({ subject: identity, expected: value, problem: 'is missing' }));
  return [...lost, ...actual.flatMap((detail) => compareDetail(before.get(toKey(detail)), detail, isAllowed))];
}

function compareDetail(
  before: DetailFacts | undefined,
  { kind, identity: subject, value: actual, of }: DetailFacts,
  isAllowed: (extra: DetailFacts) => boolean,
): Evidence[] {
  if (before?.value === actual) return [];
  if (kind === 'disabled-constraint') {
    return [{ subject, actual, problem: DISABLED[actual] ?? 'is enforced on replicas too, and was not' }];
  }
  if (before !== undefined) return [{ subject, expected: before.value, actual, problem: 'differs from the backup' }];
  const extra = { kind, identity: subject, value: actual, ...(of === undefined ? {} : { of }) };
  return isAllowed(extra) ? [] : [{ subject, actual, problem: 'is not in the backup' }];
}

/** What belongs to an object that the backup does not know is as welcome as the object. */
export const isOfOtherObject =
  ({ objects }: Pick<SnapshotFacts, 'objects'>) =>
  ({ of }: DetailFacts): boolean =>
    of === undefined || !objects.some(({ identity }) => identity === of);

const toKey = ({ kind, identity }: DetailFacts): string => `${kind} ${identity}`;
