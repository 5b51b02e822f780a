import type { SnapshotFacts } from '#common/contracts/snapshot-facts.js';
import { sqlStateOf } from '#common/engines/postgres/pg-errors.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';

/** Since which major version the server knows what the builtin provider offers. */
const BUILTIN_SINCE: Readonly<Record<string, number>> = { PG_UNICODE_FAST: 18 };
const BUILTIN_PROVIDER_SINCE = 17;
/** Before, ICU was for single collations, never for a database. */
const ICU_DATABASES_SINCE = 15;

/** What a new database needs to sort as the backup did, and the server does not have, each a sentence. Changes nothing. */
export async function findMissingLocales(session: PgSession, facts: SnapshotFacts): Promise<string[]> {
  const { localeProvider = 'libc', locale, collation, characterType = collation } = facts;
  const { serverMajor } = session;
  const version = `the server (PostgreSQL ${serverMajor})`;
  const missing: string[] = [];
  if (localeProvider === 'icu' && (serverMajor < ICU_DATABASES_SINCE || !(await hasIcu(session))))
    missing.push(`${version} lacks the icu locale provider, which database "${facts.database}" needs`);
  if (localeProvider === 'builtin' && serverMajor < BUILTIN_PROVIDER_SINCE)
    missing.push(`${version} lacks the builtin locale provider, which database "${facts.database}" needs`);
  else if (localeProvider === 'builtin' && serverMajor < (BUILTIN_SINCE[locale ?? ''] ?? 0))
    missing.push(`${version} lacks the builtin locale "${locale ?? ''}", which database "${facts.database}" needs`);
  for (const name of new Set([collation, characterType]))
    if (!(await hasLocale(session, name)))
      missing.push(
        `the operating system of the server lacks the locale "${name}", which database "${facts.database}" needs`,
      );
  return missing;
}

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
