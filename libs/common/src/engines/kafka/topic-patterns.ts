import { matchesPattern } from '#common/domain/pattern.js';

const isPattern = (text: string): boolean => text.includes('*');
/** Of the broker itself: offsets of groups, states of transactions. */
const isInternal = (name: string): boolean => name.startsWith('__');

/** Those of the names that are meant, in order. A pattern is what has a `*` in it, which no topic has: a dot is a dot. */
export function pickTopics(
  names: readonly string[],
  { include, exclude }: { readonly include: readonly string[]; readonly exclude: readonly string[] },
): readonly string[] {
  const isMeant = (name: string): boolean =>
    include.some((each) => (isPattern(each) ? !isInternal(name) && matchesPattern(each, name) : each === name));
  return names.filter((name) => isMeant(name) && !exclude.some((each) => matchesPattern(each, name)));
}

/** Names that are asked for and not there. */
export const findAbsent = (names: readonly string[], include: readonly string[]): readonly string[] =>
  include.filter((each) => !isPattern(each) && !names.includes(each));
