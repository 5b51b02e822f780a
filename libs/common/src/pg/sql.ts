/**
 * A piece of SQL in which all that came from elsewhere is quoted. Nothing but this file can make one, and `sql` takes nothing else: text of
 * a database, a manifest or a configuration becomes part of a statement as a name, a value or a body, and never as it is.
 */
class SqlText {
  /** Makes the class nominal: no object that only looks like one is taken. */
  readonly #made = true;

  constructor(readonly text: string) {}

  static is(value: unknown): value is SqlText {
    return typeof value === 'object' && value !== null && #made in value;
  }
}
export type Sql = SqlText;

/** `` sql`DROP TABLE ${identifier(name)}` ``: what the source code says, with pieces that are quoted already between. */
export function sql(strings: TemplateStringsArray, ...parts: readonly (Sql | number)[]): Sql {
  return new SqlText(strings.reduce((text, string, index) => text + toText(parts[index - 1]) + string));
}

function toText(part: unknown): string {
  if (SqlText.is(part)) return part.text;
  if (typeof part === 'number' && Number.isSafeInteger(part)) return String(part);
  throw new TypeError('a statement takes no text that is not quoted');
}

/** One name. Always quoted: what is a keyword differs between versions. */
export const identifier = (name: string): Sql => new SqlText(`"${withoutNul(name).replaceAll('"', '""')}"`);

/** One value of type text, read alike whatever `standard_conforming_strings` says. */
export function literal(value: string): Sql {
  const escaped = withoutNul(value).replaceAll('\\', '\\\\').replaceAll("'", "''");
  return new SqlText(`${value.includes('\\') ? 'E' : ''}'${escaped}'`);
}

/** A role as grantee or owner: `PUBLIC` is a keyword, not a role. */
export const role = (name: string): Sql => (name === 'public' ? sql`PUBLIC` : identifier(name));

/** An array of type text[]. */
export const textArray = (values: readonly string[]): Sql => sql`ARRAY[${joined(values.map(literal))}]::text[]`;

/** A body of a function or DO block, between dollar quotes that do not occur in it, nor begin at its end. */
export function body(code: Sql): Sql {
  let tag = '$body';
  for (let number = 1; code.text.includes(tag); number += 1) tag = `$body${number}`;
  return new SqlText(`${tag}$${code.text}${tag}$`);
}

export const joined = (parts: readonly Sql[], separator: Sql = sql`, `): Sql =>
  new SqlText(parts.map(({ text }) => text).join(separator.text));

/** A name with its arguments outside of double quotes: letters, digits, dots, commas, blanks, brackets, the star of an aggregate. */
const PRINTED = /^(?:"(?:[^"]|"")+"|[\p{L}\p{M}\p{N}_.,* ()[\]])+$/u;
const KEYWORDS = /^[A-Z]+(?: [A-Z]+)*$/;

/**
 * The identity of an object as PostgreSQL printed it, quoted where that is needed: `public."Odd; name"`, `public.f(integer, text[])`. It may come
 * from a manifest, so it is looked at once more. Throws: TypeError for anything that could be more than names and types.
 */
export function printed(identity: string): Sql {
  if (!PRINTED.test(identity)) throw new TypeError(`${JSON.stringify(identity)} is no identity that PostgreSQL prints`);
  return new SqlText(withoutNul(identity));
}

/** Of a privilege: `SELECT`, `ALTER SYSTEM`. Throws: TypeError for anything else. */
export function keywords(text: string): Sql {
  if (!KEYWORDS.test(text)) throw new TypeError(`${JSON.stringify(text)} is no keyword`);
  return new SqlText(text);
}

const LSN = /^[0-9A-F]{1,8}\/[0-9A-F]{1,8}$/;

/** A WAL position in a replication command, which takes it bare. Throws: TypeError for anything else. */
export function walPosition(lsn: string): Sql {
  if (!LSN.test(lsn)) throw new TypeError(`${JSON.stringify(lsn)} is no WAL position`);
  return new SqlText(lsn);
}

/** An expression that an operator wrote in the configuration: it may do what the session may. */
export const configured = (expression: string): Sql => new SqlText(withoutNul(expression));

/**
 * A query of an operator's in parentheses, as the configuration has it: what is allowed to it, the session decides. Without a final semicolon, and
 * a final comment ends before the parenthesis.
 */
export const subquery = (query: string): Sql => new SqlText(`(${withoutNul(query.replace(/[\s;]+$/, ''))}\n)`);

/** Of what `quote_ident` printed. */
export const unquoteIdentifier = (text: string): string =>
  text.startsWith('"') ? text.slice(1, -1).replaceAll('""', '"') : text;

/** Of a literal as `quote_literal` or a tool of PostgreSQL printed it. */
export function unquoteLiteral(text: string): string {
  const value = text.slice(text.indexOf("'") + 1, -1).replaceAll("''", "'");
  return text.startsWith('E') ? value.replaceAll('\\\\', '\\') : value;
}

/** PostgreSQL knows no such character, and a client would end the statement there. */
function withoutNul(text: string): string {
  if (text.includes('\0')) throw new TypeError('a statement holds no NUL character');
  return text;
}
