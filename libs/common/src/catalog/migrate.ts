import type { Client } from 'pg';
import type { DataSource, QueryRunner } from 'typeorm';
import { type AppliedMigration, decidePending, type MigrationFile, readMigrations } from './migration-files.js';
import { toCatalogError } from './sql-errors.js';

/** hashtext('holdfast.migrations'), fixed: every version of Holdfast must take the same lock. */
const MIGRATION_LOCK = 7_315_402_118;

const CREATE_HISTORY = `
  CREATE TABLE IF NOT EXISTS holdfast.migrations (
    number     integer PRIMARY KEY,
    name       text NOT NULL,
    sha256     text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
  )`;

/**
 * Brings the schema up to date and returns the names of what was applied. Any number of processes may call it at once: one
 * works, the others wait and find it done. Each file is one transaction. Throws: catalog.drift, catalog.unavailable.
 */
export async function runMigrations(dataSource: DataSource, folder: string): Promise<readonly string[]> {
  const files = await readMigrations(folder);
  const runner = dataSource.createQueryRunner();
  let client: Client | undefined;
  let isLost = false;
  // The driver tells a lost connection by an event, not by an error code.
  const onLost = (): void => {
    isLost = true;
  };
  try {
    client = (await runner.connect()) as Client;
    client.on('error', onLost).on('end', onLost);
    await runner.query('SET lock_timeout = 0');
    await runner.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
    try {
      return await applyPending(runner, files);
    } finally {
      await unlock(runner);
    }
  } catch (error) {
    throw isLost ? toCatalogError(error, true) : toCatalogError(error);
  } finally {
    client?.removeListener('error', onLost).removeListener('end', onLost);
    await runner.release();
  }
}

/** A session that is gone holds no lock any more; what ended it is the error to report. */
async function unlock(runner: QueryRunner): Promise<void> {
  try {
    await runner.query('SELECT pg_advisory_unlock($1)', [MIGRATION_LOCK]);
    await runner.query('RESET lock_timeout');
  } catch {
    // Nothing to add.
  }
}

async function applyPending(runner: QueryRunner, files: readonly MigrationFile[]): Promise<readonly string[]> {
  const [{ exists }] = await runner.query(`SELECT to_regnamespace('holdfast') IS NOT NULL AS exists`);
  // Not IF NOT EXISTS: that asks for the right to create even when there is nothing to do.
  if (!exists) await runner.query('CREATE SCHEMA holdfast');
  await runner.query(CREATE_HISTORY);
  const applied: AppliedMigration[] = await runner.query(
    'SELECT number, name, sha256 FROM holdfast.migrations ORDER BY number',
  );
  const pending = decidePending(files, applied);
  for (const file of pending) await apply(runner, file);
  return pending.map(({ name }) => name);
}

async function apply(runner: QueryRunner, { number, name, sha256, text }: MigrationFile): Promise<void> {
  await runner.startTransaction();
  try {
    await runner.query(text);
    await runner.query('INSERT INTO holdfast.migrations (number, name, sha256) VALUES ($1, $2, $3)', [
      number,
      name,
      sha256,
    ]);
    await runner.commitTransaction();
  } catch (error) {
    await runner.rollbackTransaction();
    throw error;
  }
}
