import type { SnapshotFacts } from '#common/contracts/snapshot-facts.js';

/** By what a database compares, sorts and counts characters. */
export type LocaleFacts = Pick<
  SnapshotFacts,
  'encoding' | 'collation' | 'characterType' | 'localeProvider' | 'locale' | 'localeRules'
>;

export interface LocaleDifference {
  readonly what: string;
  readonly expected: string | null;
  readonly actual: string | null;
}

/** Operating systems spell one locale in several ways: `en_US.utf8` is `en_US.UTF-8`. */
const toSpelling = (name: string | null): string | null => name?.toLowerCase().replaceAll('-', '') ?? null;

const NAMES: readonly [keyof LocaleFacts, string, (value: string | null) => string | null][] = [
  ['encoding', 'the encoding', (value) => value],
  ['collation', 'the collation (LC_COLLATE)', toSpelling],
  ['characterType', 'the character type (LC_CTYPE)', toSpelling],
  ['localeProvider', 'the locale provider', (value) => value],
  ['locale', 'the locale of the provider', toSpelling],
  ['localeRules', 'the ICU rules', (value) => value],
];

/** What differs of two databases; what the older facts do not hold is not compared. */
export const compareLocales = (expected: LocaleFacts, actual: LocaleFacts): LocaleDifference[] =>
  NAMES.flatMap(([key, what, normalize]) => {
    const [before, after] = [expected[key], actual[key] ?? null];
    if (before === undefined || normalize(before) === normalize(after)) return [];
    return [{ what, expected: before, actual: after }];
  });
