import type { PgSession } from '#common/engines/postgres/pg-session.js';

/**
 * How values and expressions print, the same on every server and for every role: facts are compared as text.
 * Queries of catalogs are wide and short: compiling them takes longer than running them.
 * An empty search_path makes PostgreSQL qualify every name, and keeps user-made operators out of our own queries.
 */
const PINNED = `
  SET search_path = '';
  SET client_encoding = 'UTF8';
  SET standard_conforming_strings = on;
  SET quote_all_identifiers = off;
  SET timezone = 'UTC';
  SET datestyle = 'ISO, YMD';
  SET intervalstyle = 'iso_8601';
  SET extra_float_digits = 3;
  SET bytea_output = 'hex';
  SET xmlbinary = 'base64';
  SET lc_monetary = 'C';
  SET jit = off`;

/** Before any fact is read in a session. Takes no snapshot. */
export async function pinFactSettings(session: PgSession): Promise<void> {
  await session.query(PINNED);
}

/** Runs `read` in one consistent view of the database that changes nothing; the session must have no transaction open. */
export async function inReadOnlySnapshot<T>(session: PgSession, read: () => Promise<T>): Promise<T> {
  await pinFactSettings(session);
  await session.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  try {
    return await read();
  } finally {
    await session.query('ROLLBACK').catch(() => undefined);
  }
}
