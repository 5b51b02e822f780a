/** Always quoted: what is a keyword differs between versions. */
export const quoteIdentifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** Of what `quote_ident` printed. */
export const unquoteIdentifier = (text: string): string =>
  text.startsWith('"') ? text.slice(1, -1).replaceAll('""', '"') : text;

export const quoteLiteral = (text: string): string =>
  `${text.includes('\\') ? 'E' : ''}'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;

/** `PUBLIC` is a keyword, not a role. */
export const quoteRole = (name: string): string => (name === 'public' ? 'PUBLIC' : quoteIdentifier(name));

/** A database name as libpq reads it where a connection string is possible: `a=b` would be taken for one. */
export const toConnInfo = (database: string): string => `dbname='${database.replace(/[\\']/g, '\\$&')}'`;
