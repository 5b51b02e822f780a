import type pg from 'pg';
import { toDatabaseError } from '#common/engines/postgres/pg-errors.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';
import { identifier, type Sql, sql } from '#common/pg/sql.js';

/** How a statement ended that was tried as another role. */
export type TrialResult<Row> = { readonly rows: readonly Row[] } | { readonly error: pg.DatabaseError };

export interface Actor {
  /** Undefined: the session's own, which sees every row. */
  readonly role: string | undefined;
  /** Undefined leaves the setting as a fresh connection has it; '' is what an ended transaction leaves in a pooled one. */
  readonly tenant: string | undefined;
}

export const ADMINISTRATOR: Actor = { role: undefined, tenant: undefined };

/** Tries statements as a role for a tenant. Nothing lasts: each trial ends with a rollback to where it began. */
export class TenantTrials {
  constructor(
    private readonly session: PgSession,
    private readonly tenantSetting: string,
  ) {}

  /** Throws when the session itself fails; an error that PostgreSQL answers is a result. */
  async try<Row extends object>(actor: Actor, statement: Sql, values: unknown[] = []): Promise<TrialResult<Row>> {
    await this.session.query('SAVEPOINT holdfast_trial');
    try {
      // Our sessions set row_security = off, which makes filtering an error. Here filtering is what is tried.
      await this.session.query('SET LOCAL row_security = on');
      if (actor.tenant !== undefined) {
        await this.session.query('SELECT set_config($1, $2, true)', [this.tenantSetting, actor.tenant]);
      }
      if (actor.role !== undefined) await this.session.query(sql`SET LOCAL ROLE ${identifier(actor.role)}`);
      return { rows: await this.session.query<Row>(statement, values) };
    } catch (error) {
      const cause = toDatabaseError(error);
      if (cause === undefined) throw error;
      return { error: cause };
    } finally {
      await this.session.query('ROLLBACK TO SAVEPOINT holdfast_trial; RELEASE SAVEPOINT holdfast_trial');
    }
  }
}

/** "permission denied": privileges refused, before any policy was asked. */
export const isMissingPrivilege = ({ code, routine }: pg.DatabaseError): boolean =>
  code === '42501' && routine !== 'ExecWithCheckOptions';

/** "new row violates row-level security policy". */
export const isPolicyRefusal = ({ code, routine }: pg.DatabaseError): boolean =>
  code === '42501' && routine === 'ExecWithCheckOptions';
