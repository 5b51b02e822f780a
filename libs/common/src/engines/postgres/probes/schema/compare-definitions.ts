import type { Definition } from '#common/contracts/definition.js';
import type { Evidence } from '#common/domain/verdict.js';
import { compareColumns } from './compare-columns.js';
import { compareProperties } from './compare-properties.js';

export interface DefinitionDifferences {
  /** Objects and columns that are missing or additional: told by name, so true across versions. */
  readonly existence: readonly Evidence[];
  /** What is there on both sides in another form, as this version prints it. */
  readonly form: readonly Evidence[];
  /** What `pg_dump` does not carry: named, and no reason to fail. */
  readonly notes: readonly string[];
}

/** Kinds whose identities begin with the kind already, or say more than it. */
const SELF_EXPLAINING = new Set(['constraint', 'trigger', 'rule', 'comment', 'security label', 'enforcement']);

export const toDefinitionSubject = ({ kind, identity }: Pick<Definition, 'kind' | 'identity'>): string =>
  SELF_EXPLAINING.has(kind) ? identity : `${kind} ${identity}`;

/**
 * Every object of both sides, held against its other self. A difference names a missing or additional object, and
 * nothing that belongs to it. `isAllowed` judges what the backup does not know.
 */
export function compareDefinitions(
  expected: readonly Definition[],
  actual: readonly Definition[],
  isAllowed: (extra: Definition) => boolean,
): DefinitionDifferences {
  const [before, after] = [toMap(expected), toMap(actual)];
  const missing = expected.filter((definition) => !after.has(toKey(definition)));
  const extra = actual.filter((definition) => !before.has(toKey(definition)));
  const existence: Evidence[] = [
    ...withoutParts(missing.filter(({ kind }) => !NOT_CARRIED.has(kind))).map(toMissing),
    ...withoutParts(extra.filter(({ kind }) => kind !== 'enforcement'))
      .filter((definition) => !isAllowed(definition))
      .map(toExtra),
  ];
  const notes = missing.flatMap(({ kind, identity }) => NOT_CARRIED.get(kind)?.(identity) ?? []);
  const form: Evidence[] = extra.filter(({ kind }) => kind === 'enforcement').map(toUnenforced);
  for (const definition of expected) {
    const other = after.get(toKey(definition));
    if (other === undefined) continue;
    form.push(...compareForm(definition, other));
    const columns = compareColumns(definition, other, (table) => after.get(`table ${table}`)?.columns);
    existence.push(...columns.existence);
    form.push(...columns.form);
    notes.push(...columns.notes);
  }
  return { existence, form, notes };
}

/** What no archive holds, or no restore takes from it: by kind, why it is missing. */
const NOT_CARRIED: ReadonlyMap<string, (identity: string) => string> = new Map([
  ['enforcement', (identity: string) => `${identity} is enforced, and was not: no archive says so`],
  ['subscription', (identity: string) => `subscription ${identity} is left out: no restore creates subscriptions`],
]);

/** A whole object says it for its indexes, constraints and comments. */
function withoutParts(definitions: readonly Definition[]): Definition[] {
  const whole = new Set(definitions.map(({ identity }) => identity));
  return definitions.filter(({ of }) => of === undefined || !whole.has(of));
}

function compareForm(before: Definition, after: Definition): Evidence[] {
  if (before.kind === 'enforcement') return before.is['state'] === after.is['state'] ? [] : [toUnenforced(after)];
  return compareProperties(toDefinitionSubject(before), before.is, after.is);
}

const toMissing = (definition: Definition): Evidence => ({
  subject: toDefinitionSubject(definition),
  ...(definition.is['definition'] === undefined ? {} : { expected: definition.is['definition'] }),
  problem: 'is missing',
});

const toExtra = (definition: Definition): Evidence => ({
  subject: toDefinitionSubject(definition),
  ...(definition.is['definition'] === undefined ? {} : { actual: definition.is['definition'] }),
  problem: 'is not in the backup',
});

const UNENFORCED: Readonly<Record<string, string>> = {
  D: 'is not enforced: its triggers are disabled',
  R: 'is not enforced: its triggers fire on replicas only',
};

const toUnenforced = ({ identity, is: { state = '' } }: Definition): Evidence => ({
  subject: identity,
  actual: state,
  problem: UNENFORCED[state] ?? 'is enforced on replicas too, and was not',
});

/** What belongs to an object that the backup does not know is as welcome as the object. */
export function isOfUnknown(expected: readonly Definition[]): (extra: Definition) => boolean {
  const known = new Set(expected.map(({ identity }) => identity));
  return ({ of }) => of === undefined || !known.has(of);
}

const toKey = ({ kind, identity }: Definition): string => `${kind} ${identity}`;
const toMap = (definitions: readonly Definition[]): Map<string, Definition> =>
  new Map(definitions.map((definition) => [toKey(definition), definition]));
