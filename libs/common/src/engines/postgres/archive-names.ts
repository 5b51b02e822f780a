import type { PgSession } from './pg-session.js';

/**
 * Texts as an archive of a database in `encoding` holds them, by the text: its bytes, each as a character (`latin1`). `pg_dump` writes
 * names in the encoding of the database, and `pg_restore --list` prints them as they are.
 */
export async function encodeTexts(
  session: PgSession,
  texts: readonly string[],
  encoding: string,
): Promise<ReadonlyMap<string, string>> {
  if (encoding === 'UTF8') return new Map(texts.map((text) => [text, Buffer.from(text).toString('latin1')]));
  const rows = await session.query<{ text: string; bytes: Buffer }>(
    'SELECT text, convert_to(text, $2) AS bytes FROM unnest($1::text[]) AS text',
    [texts, encoding],
  );
  return new Map(rows.map(({ text, bytes }) => [text, bytes.toString('latin1')]));
}
