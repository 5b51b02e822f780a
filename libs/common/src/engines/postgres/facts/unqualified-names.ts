/** Names of everything that lives in schemas of users. */
export interface KnownNames {
  readonly relations: ReadonlySet<string>;
  readonly functions: ReadonlySet<string>;
  readonly types: ReadonlySet<string>;
}

/** What is written between names is left out: comments, strings, and strings in dollar quotes. */
const LEFT_OUT = /--[^\n]*|\/\*[\s\S]*?\*\/|\$([\p{L}_][\p{L}\p{N}_]*)?\$[\s\S]*?\$\1\$|[eE]?'(?:[^'\\]|''|\\.)*'/gu;
const TOKEN = /"(?:[^"]|"")+"|[\p{L}_][\p{L}\p{N}_$]*|::|:=|[^\s]/gu;

const BEFORE_RELATION = new Set(['from', 'join', 'update', 'into', 'only', 'table']);
const ENDS_FROM = new Set([
  'where',
  'group',
  'order',
  'having',
  'select',
  'set',
  'values',
  'returning',
  'limit',
  ';',
  ')',
]);

/**
 * Names of relations, functions and types that the body of an SQL or PL/pgSQL function uses without a schema, in order. A guess by the
 * places where such names stand: good enough for a warning, and nothing is decided by it.
 */
export function findUnqualified(code: string, names: KnownNames): string[] {
  const tokens = code.replaceAll(LEFT_OUT, ' ').match(TOKEN) ?? [];
  const found = new Set<string>();
  let isInFrom = false;
  tokens.forEach((token, index) => {
    const word = token.toLowerCase();
    if (word === 'from') isInFrom = true;
    else if (ENDS_FROM.has(word)) isInFrom = false;
    const place = {
      before: tokens[index - 1]?.toLowerCase() ?? '',
      after: tokens[index + 1]?.toLowerCase() ?? '',
      isInFrom,
    };
    const name = toName(token);
    if (name !== undefined && isUnqualified(name, place, names)) found.add(name);
  });
  return [...found];
}

interface Place {
  readonly before: string;
  readonly after: string;
  readonly isInFrom: boolean;
}

function isUnqualified(name: string, { before, after, isInFrom }: Place, names: KnownNames): boolean {
  if (before === '.' || after === '.') return false;
  if (names.relations.has(name) && (BEFORE_RELATION.has(before) || (isInFrom && before === ','))) return true;
  if (names.relations.has(name) && after === '%') return true;
  if (names.functions.has(name) && after === '(') return true;
  return names.types.has(name) && (before === '::' || after === ':=' || (after === ';' && /^["\p{L}_]/u.test(before)));
}

function toName(token: string): string | undefined {
  if (token.startsWith('"')) return token.slice(1, -1).replaceAll('""', '"');
  return /^[\p{L}_]/u.test(token) ? token.toLowerCase() : undefined;
}

/** `schema.name` of the functions that a body calls by their whole names. */
export function findQualifiedCalls(code: string): string[] {
  const tokens = code.replaceAll(LEFT_OUT, ' ').match(TOKEN) ?? [];
  return tokens.flatMap((token, index) => {
    const [schema, name] = [toName(tokens[index - 2] ?? ''), toName(token)];
    const isCall = tokens[index - 1] === '.' && tokens[index + 1] === '(';
    return isCall && schema !== undefined && name !== undefined ? [`${schema}.${name}`] : [];
  });
}
