import type pg from 'pg';
import { asTenant } from './database.js';
import { isPassword } from './passwords.js';
import type { Session } from './tokens.js';

const SESSION_MS = 3_600_000;
/** Compared with when there is no such user, so that the answer takes as long. */
const NO_USER = `scrypt$${Buffer.alloc(16).toString('base64')}$${Buffer.alloc(32).toString('base64')}`;

type UserRow = { id: string; is_staff: boolean; password_hash: string };

/** The domain of the address names the tenant, within which the user is looked up. Undefined when address or password is wrong. */
export async function logIn(pool: pg.Pool, email: string, password: string): Promise<Session | undefined> {
  const domain = email.slice(email.lastIndexOf('@') + 1).toLowerCase();
  const tenants = await pool.query<{ id: string }>('SELECT id FROM tenants WHERE domain = $1', [domain]);
  const tenantId = tenants.rows[0]?.id;
  const user = tenantId === undefined ? undefined : await findUser(pool, tenantId, email.toLowerCase());
  if (!(await isPassword(password, user?.password_hash ?? NO_USER)) || user === undefined || tenantId === undefined)
    return undefined;
  const expiresAt = new Date(Date.now() + SESSION_MS).toISOString();
  return { userId: user.id, tenantId, isStaff: user.is_staff, expiresAt };
}

async function findUser(pool: pg.Pool, tenantId: string, email: string): Promise<UserRow | undefined> {
  const sql = 'SELECT id, is_staff, password_hash FROM users WHERE email = $1';
  return (await asTenant(pool, tenantId, (tx) => tx.query<UserRow>(sql, [email]))).rows[0];
}
