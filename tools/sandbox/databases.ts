import pg from 'pg';
import { dropDatabases, onServer } from '#tools/platform/server-login.js';
import type { Sandbox } from './sandbox.js';

const { escapeIdentifier, escapeLiteral } = pg;

const onPostgres = (...statements: readonly string[]): Promise<object[]> =>
  onServer('postgres18', 'postgres', ...statements);

/**
 * The role that owns the catalog and restores, with this run's password, and the catalog's database. Unless they are kept, the
 * catalog begins empty, and copies of the shop that were restored beside it are dropped.
 */
export async function prepareCatalog(
  { adminRole, catalogDatabase, shop }: Sandbox,
  { adminPassword, keep }: { readonly adminPassword: string; readonly keep: boolean },
): Promise<void> {
  const [role, database] = [escapeIdentifier(adminRole), escapeIdentifier(catalogDatabase)];
  const known = await onPostgres(`SELECT FROM pg_roles WHERE rolname = ${escapeLiteral(adminRole)}`);
  const verb = known.length === 0 ? 'CREATE' : 'ALTER';
  await onPostgres(`${verb} ROLE ${role} SUPERUSER LOGIN PASSWORD ${escapeLiteral(adminPassword)}`);
  if (!keep)
    for (const pattern of [catalogDatabase, `${shop.database}\\_%`]) await dropDatabases('postgres18', pattern);
  if (!(await databaseExists(catalogDatabase))) await onPostgres(`CREATE DATABASE ${database} OWNER ${role}`);
}

export const databaseExists = async (name: string): Promise<boolean> =>
  (await onPostgres(`SELECT FROM pg_database WHERE datname = ${escapeLiteral(name)}`)).length === 1;
