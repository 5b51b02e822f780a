import { matchesPattern } from '#common/domain/pattern.js';

const PART = /"(?:[^"]|"")*"|[^".]+/g;

/** `public."Order Lines"` as its parts, unquoted. */
export function splitQualifiedName(qualified: string): { schema: string; name: string } {
  const [schema = '', name = ''] = (qualified.match(PART) ?? []).map((part) =>
    part.startsWith('"') ? part.slice(1, -1).replaceAll('""', '"') : part,
  );
  return { schema, name };
}

/** Whether a quoted, qualified name is meant by one of the patterns: `shop.orders`, `shop.*`, `*.Order*`. Patterns are unquoted. */
export function matchesAny(qualified: string, patterns: readonly string[]): boolean {
  const { schema, name } = splitQualifiedName(qualified);
  return patterns.some((pattern) => matchesPattern(pattern, `${schema}.${name}`));
}
