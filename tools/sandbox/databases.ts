import pg from 'pg';
import { endpoints } from '#tools/services/endpoints.js';
import type { Sandbox } from './sandbox.js';

const { escapeIdentifier, escapeLiteral } = pg;

async function onServer<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: endpoints.postgres18.url, application_name: 'holdfast sandbox' });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/**
 * The role that owns the catalog and restores, with this run's password, and the catalog's database. Unless they are kept, the
 * catalog begins empty, and copies of the shop that somebody restored beside it are dropped.
 */
export const prepareCatalog = (
  { adminRole, catalogDatabase, shop }: Sandbox,
  { adminPassword, keep }: { readonly adminPassword: string; readonly keep: boolean },
): Promise<void> =>
  onServer(async (client) => {
    const [role, database] = [escapeIdentifier(adminRole), escapeIdentifier(catalogDatabase)];
    const { rowCount } = await client.query('SELECT FROM pg_roles WHERE rolname = $1', [adminRole]);
    const verb = rowCount === 0 ? 'CREATE' : 'ALTER';
    await client.query(`${verb} ROLE ${role} SUPERUSER LOGIN PASSWORD ${escapeLiteral(adminPassword)}`);
    if (!keep) await dropDatabases(client, [catalogDatabase, ...(await listCopies(client, shop.database))]);
    if (!(await hasDatabase(client, catalogDatabase))) await client.query(`CREATE DATABASE ${database} OWNER ${role}`);
  });

export const databaseExists = (name: string): Promise<boolean> => onServer((client) => hasDatabase(client, name));

async function listCopies(client: pg.Client, original: string): Promise<string[]> {
  const sql = 'SELECT datname AS name FROM pg_database WHERE starts_with(datname, $1)';
  const { rows } = await client.query<{ name: string }>(sql, [`${original}_`]);
  return rows.map(({ name }) => name);
}

async function dropDatabases(client: pg.Client, names: readonly string[]): Promise<void> {
  for (const name of names) await client.query(`DROP DATABASE IF EXISTS ${escapeIdentifier(name)} WITH (FORCE)`);
}

async function hasDatabase(client: pg.Client, name: string): Promise<boolean> {
  const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [name]);
  return rowCount === 1;
}
