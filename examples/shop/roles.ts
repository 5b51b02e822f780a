import pg from 'pg';
import type { ShopConfig } from './config.js';
import { asAdmin } from './database.js';
import { toScramVerifier } from './passwords.js';

const { escapeIdentifier, escapeLiteral } = pg;

/** `DROP ROLE` of a role that still owns or may do something, here or in another database. */
const DEPENDENT_OBJECTS = '2BP01';

/**
 * Makes the shop's roles exist with today's attributes and passwords. Roles belong to the server, not to the database, so
 * several shops may make the same ones at once: they take turns.
 */
export async function ensureRoles(config: ShopConfig): Promise<void> {
  const { owner, reader, app, backup } = config.roles;
  await asAdmin(config, async (client) => {
    await client.query(`SELECT pg_advisory_lock(hashtext('shop roles'))`);
    await ensureRole(client, owner, 'NOLOGIN NOBYPASSRLS');
    await ensureRole(client, reader, 'NOLOGIN NOBYPASSRLS');
    await ensureRole(client, app, 'LOGIN NOBYPASSRLS', config.appPassword);
    await ensureRole(client, backup, 'LOGIN BYPASSRLS', config.backupPassword);
    await client.query(`GRANT pg_read_all_data TO ${escapeIdentifier(backup)}`);
    // A backup records what the application sees; its role acts as the application only where it says so.
    await client.query(`GRANT ${escapeIdentifier(app)} TO ${escapeIdentifier(backup)} WITH INHERIT FALSE, SET TRUE`);
  });
}

async function ensureRole(client: pg.Client, name: string, attributes: string, password?: string): Promise<void> {
  const { rowCount } = await client.query('SELECT FROM pg_roles WHERE rolname = $1', [name]);
  const secret = password === undefined ? '' : ` PASSWORD ${escapeLiteral(toScramVerifier(password))}`;
  await client.query(`${rowCount === 0 ? 'CREATE' : 'ALTER'} ROLE ${escapeIdentifier(name)} ${attributes}${secret}`);
}

/** Drops the roles that no other shop uses; returns those kept. */
export async function dropRoles(config: ShopConfig): Promise<string[]> {
  return asAdmin(config, async (client) => {
    await client.query(`SELECT pg_advisory_lock(hashtext('shop roles'))`);
    const kept: string[] = [];
    for (const name of Object.values(config.roles)) {
      try {
        await client.query(`DROP ROLE IF EXISTS ${escapeIdentifier(name)}`);
      } catch (error) {
        if (!(error instanceof pg.DatabaseError) || error.code !== DEPENDENT_OBJECTS) throw error;
        kept.push(name);
      }
    }
    return kept;
  });
}
