import type { PolicyFacts } from '#common/contracts/snapshot-facts.js';
import { toCanonicalExpression } from '#common/engines/postgres/probes/schema/canonical-expression.js';

/** A policy reduced to what it does: two policies of one meaning let the same rows through, whatever their names. */
export interface PolicyMeaning {
  readonly command: PolicyFacts['command'];
  readonly permissive: boolean;
  readonly roles: readonly string[];
  readonly using: string | null;
  readonly check: string | null;
}

export function toMeaning({ command, permissive, roles, using, check }: PolicyFacts): PolicyMeaning {
  const normalUsing = using === null ? null : normalizeExpression(using);
  const normalCheck = check === null ? null : normalizeExpression(check);
  // PostgreSQL checks new rows with USING where no WITH CHECK was given.
  const inherits = command === 'ALL' || command === 'UPDATE';
  return {
    command,
    permissive,
    roles: [...new Set(roles)].sort(),
    using: normalUsing,
    check: normalCheck ?? (inherits ? normalUsing : null),
  };
}

/** True for an expression that lets every row through. */
export const isAlwaysTrue = (expression: string | null): boolean => expression === 'true';

const TOKEN = /'(?:[^']|'')*'|"(?:[^"]|"")*"|\s+|[()]|[^\s'"()]+/g;

/** The expression without meaningless spaces and outer parentheses; quoted parts are left as they are. */
export function normalizeExpression(text: string): string {
  let tokens = (toCanonicalExpression(text).match(TOKEN) ?? []).map((token) => (/^\s+$/.test(token) ? ' ' : token));
  tokens = tokens.filter((token, index) => {
    if (token !== ' ') return true;
    const [before, after] = [tokens[index - 1], tokens[index + 1]];
    return before !== undefined && after !== undefined && before !== '(' && after !== ')';
  });
  while (isWrapped(tokens)) tokens = tokens.slice(1, -1);
  return tokens.join('');
}

/** Whether the first parenthesis closes only at the very end. */
function isWrapped(tokens: readonly string[]): boolean {
  if (tokens[0] !== '(' || tokens.at(-1) !== ')') return false;
  let depth = 0;
  for (const [index, token] of tokens.entries()) {
    if (token === '(') depth += 1;
    if (token === ')') depth -= 1;
    if (depth === 0) return index === tokens.length - 1;
  }
  return false;
}
