import { Lease } from '#common/catalog/entities/lease.entity.js';
import type { Sql } from '#common/catalog/sql.js';
import { AppError } from '#common/errors/app-error.js';
import { WRITTEN_AHEAD } from './clock.store.js';

/** What the fence compares. */
export type LeaseRef = { readonly name: string; readonly fence: number };

const ACQUIRE = `
  INSERT INTO holdfast.leases AS lease (name, owner, fence, acquired_at, expires_at)
  VALUES ($1, $2, 1, clock_timestamp(), clock_timestamp() + make_interval(secs => $3 / 1000.0))
  ON CONFLICT (name) DO UPDATE
  SET owner = excluded.owner, fence = lease.fence + 1,
      acquired_at = excluded.acquired_at, expires_at = excluded.expires_at
  WHERE lease.expires_at <= clock_timestamp() OR lease.expires_at > clock_timestamp() + make_interval(secs => $4 / 1000.0)
  RETURNING *`;

/** A lease that a clock wrote which was set back since follows it: it lasts as long as its holder believes, and no longer. */
const FOLLOW_CLOCK = `
  UPDATE holdfast.leases SET expires_at = expires_at - (timed_at - clock_timestamp())
  WHERE name = $1 AND ${WRITTEN_AHEAD}`;

const HELD = 'name = $1 AND fence = $2 AND expires_at > clock_timestamp()';

const RENEW = `
  UPDATE holdfast.leases SET expires_at = clock_timestamp() + make_interval(secs => $3 / 1000.0)
  WHERE ${HELD}
  RETURNING name`;

const RELEASE = `UPDATE holdfast.leases SET expires_at = clock_timestamp() WHERE ${HELD}`;

/** Claims without an end, one holder of a name at a time. */
export const leaseStore = (sql: Sql) => ({
  /** Undefined while another process holds it. A lease that ends later than in `atMostMs` was taken for longer than any process takes it now. */
  acquire: async (
    name: string,
    owner: string,
    ttlMs: number,
    { atMostMs = null }: { readonly atMostMs?: number | null } = {},
  ): Promise<Lease | undefined> => {
    await sql.affected(FOLLOW_CLOCK, [name]);
    const [lease] = await sql.entities(Lease, ACQUIRE, [name, owner, ttlMs, atMostMs]);
    return lease;
  },

  /** Throws: claim.lost. */
  renew: async (lease: LeaseRef, ttlMs: number): Promise<void> => {
    const rows = await sql.rows(RENEW, [lease.name, lease.fence, ttlMs]);
    if (rows.length === 0) lost(lease);
  },

  /** No other process can acquire it before this transaction ends. Throws: claim.lost. */
  assertHeld: async (lease: LeaseRef): Promise<void> => {
    const rows = await sql.rows(`SELECT name FROM holdfast.leases WHERE ${HELD} FOR SHARE`, [lease.name, lease.fence]);
    if (rows.length === 0) lost(lease);
  },

  /** Idempotent: what is not held needs no release. */
  release: async (lease: LeaseRef): Promise<void> => {
    await sql.affected(RELEASE, [lease.name, lease.fence]);
  },
});

function lost({ name, fence }: LeaseRef): never {
  throw new AppError('claim.lost', `lease ${name} is no longer held under fence ${fence}`, { lease: name, fence });
}
