import type { CollationFacts, SnapshotFacts } from '#common/contracts/snapshot-facts.js';
import { sqlStateOf } from '#common/engines/postgres/pg-errors.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';

/** Since which major version the server knows what the builtin provider offers. */
const BUILTIN_SINCE: Readonly<Record<string, number>> = { PG_UNICODE_FAST: 18 };
const BUILTIN_PROVIDER_SINCE = 17;
/** Before, ICU was for single collations, never for a database. */
const ICU_DATABASES_SINCE = 15;

/** What a new database needs to sort as the backup did, and the server does not have, each a sentence. Changes nothing. */
export async function findMissingLocales(session: PgSession, facts: SnapshotFacts): Promise<string[]> {
  const { localeProvider = 'libc', locale, collation, characterType = collation, database } = facts;
  const what = `database "${database}" needs`;
  const libc = await findMissing(session, { provider: 'libc', locales: [collation, characterType] }, what);
  if (localeProvider === 'libc') return libc;
  if (localeProvider === 'icu' && session.serverMajor < ICU_DATABASES_SINCE)
    return [lacksProvider(session, 'icu', what)];
  return [...(await findMissing(session, { provider: localeProvider, locales: [locale ?? ''] }, what)), ...libc];
}

/** The same for single collations, wherever they go. One of pg_catalog is found by its name, others the archive makes. */
export async function findMissingCollations(session: PgSession, { collations }: SnapshotFacts): Promise<string[]> {
  const missing: string[] = [];
  const wanted: string[] = [];
  for (const collation of collations) {
    const lacks = await findMissing(session, collation, `collation ${collation.name} needs`);
    missing.push(...lacks);
    if (lacks.length === 0 && collation.name.startsWith('pg_catalog.')) wanted.push(collation.name);
  }
  const unknown = await session.query<{ name: string }>(
    'SELECT name FROM unnest($1::text[]) AS name WHERE to_regcollation(name) IS NULL ORDER BY name',
    [wanted],
  );
  return [...missing, ...unknown.map(({ name }) => `the server lacks the collation ${name}`)];
}

async function findMissing(
  session: PgSession,
  { provider, locales }: Pick<CollationFacts, 'provider' | 'locales'>,
  what: string,
): Promise<string[]> {
  const { serverMajor } = session;
  if (provider === 'icu') return (await hasIcu(session)) ? [] : [lacksProvider(session, provider, what)];
  if (provider === 'builtin' && serverMajor < BUILTIN_PROVIDER_SINCE) return [lacksProvider(session, provider, what)];
  const missing: string[] = [];
  for (const locale of new Set(locales)) {
    if (provider === 'builtin' && serverMajor < (BUILTIN_SINCE[locale] ?? 0))
      missing.push(`the server (PostgreSQL ${serverMajor}) lacks the builtin locale "${locale}", which ${what}`);
    if (provider === 'libc' && !(await hasLocale(session, locale)))
      missing.push(`the operating system of the server lacks the locale "${locale}", which ${what}`);
  }
  return missing;
}

const lacksProvider = ({ serverMajor }: PgSession, provider: string, what: string): string =>
  `the server (PostgreSQL ${serverMajor}) lacks the ${provider} locale provider, which ${what}`;

/** A build without ICU has rows for some of its collations too, and knows no version of them. */
async function hasIcu(session: PgSession): Promise<boolean> {
  const rows = await session.query(
    `SELECT FROM pg_collation WHERE collprovider = 'i' AND pg_collation_actual_version(oid) IS NOT NULL LIMIT 1`,
  );
  return rows.length === 1;
}

/** The server tries a locale out before it accepts a value of lc_monetary, which any role may set for itself. */
async function hasLocale(session: PgSession, name: string): Promise<boolean> {
  try {
    // Outside of a transaction a local setting is gone with its statement.
    await session.query(`SELECT set_config('lc_monetary', $1, true)`, [name]);
    return true;
  } catch (error) {
    if (sqlStateOf(error) === INVALID_VALUE) return false;
    throw error;
  }
}

const INVALID_VALUE = '22023';
