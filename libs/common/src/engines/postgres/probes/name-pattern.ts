import { matchesPattern } from '#common/domain/pattern.js';
import { splitQualifiedName } from './qualified-name.js';

/** Whether a quoted, qualified name is meant by one of the patterns: `shop.orders`, `shop.*`, `*.Order*`. Patterns are unquoted. */
export function matchesAny(qualified: string, patterns: readonly string[]): boolean {
  const { schema, name } = splitQualifiedName(qualified);
  return patterns.some((pattern) => matchesPattern(pattern, `${schema}.${name}`));
}
