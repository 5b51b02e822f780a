import type { Evidence } from '#common/domain/verdict.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';
import { EvidenceLog } from './evidence.js';
import { inRollback } from './probe-session.js';
import type { RlsBehaviour } from './rls-params.js';
import { listTenantRelations, type TenantRelation } from './tenant-relations.js';
import { TenantTrials } from './tenant-trial.js';
import {
  type BehaviourLog,
  checkFunctionValue,
  checkNoTenant,
  checkOwnRows,
  countOwnRows,
  TENANT_ROWS,
  type TenantRows,
} from './tenant-visibility.js';
import { checkWrites } from './tenant-writes.js';

export interface BehaviourTally extends BehaviourLog {
  readonly relations: readonly TenantRelation[];
  readonly tenants: readonly string[];
  /** Tables without a row: reading them shows nothing. */
  readonly empty: readonly string[];
}

interface BehaviourOptions {
  readonly column: string;
  /** Tables that the backup knows with row-level security. */
  readonly guarded: ReadonlySet<string>;
}

/** Row-level security tried out as the application's role, for several tenants. Changes nothing. */
export async function tryBehaviour(
  session: PgSession,
  behaviour: RlsBehaviour,
  options: BehaviourOptions,
): Promise<BehaviourTally> {
  const log = { problems: new EvidenceLog(), unclear: new EvidenceLog(), unreadable: new Set<string>(), trials: 0 };
  const wrongRole = await findWrongRole(session, behaviour.role);
  if (wrongRole !== undefined) {
    log.problems.add(wrongRole);
    return { ...log, relations: [], tenants: [], empty: [] };
  }
  const relations = await listTenantRelations(session, behaviour, options);
  const walk = new BehaviourWalk(session, behaviour, log);
  const { tenants, empty } = await inRollback(session, 'BEGIN ISOLATION LEVEL REPEATABLE READ', () =>
    walk.go(relations),
  );
  return { ...log, trials: log.trials, relations, tenants, empty };
}

class BehaviourWalk {
  private readonly trials: TenantTrials;
  private readonly as: { readonly role: string; readonly log: BehaviourLog };

  constructor(
    private readonly session: PgSession,
    private readonly behaviour: RlsBehaviour,
    private readonly log: BehaviourLog,
  ) {
    this.trials = new TenantTrials(session, behaviour.tenantSetting);
    this.as = { role: behaviour.role, log };
  }

  async go(relations: readonly TenantRelation[]): Promise<{ tenants: string[]; empty: string[] }> {
    // First, while the setting is still unknown to this session, as on a fresh connection.
    for (const relation of relations) await checkNoTenant(this.trials, relation, undefined, this.as);
    const tables = relations.filter(({ kind }) => kind === 'table');
    const rows = new Map<TenantRelation, readonly TenantRows[]>();
    for (const table of tables) rows.set(table, await this.tenantsOf(table));
    const tenants = [...new Set([...rows.values()].flat().map(({ tenant }) => tenant))];
    for (const [table, own] of rows) await this.checkTable(table, own, tenants);
    const sampled = tenants.slice(0, this.behaviour.samples);
    for (const relation of relations) if (relation.kind !== 'table') await this.checkOther(relation, sampled);
    for (const call of this.behaviour.functions.filter(({ equals }) => equals !== undefined)) {
      await checkFunctionValue(this.trials, call, sampled, this.as);
    }
    for (const relation of relations) await checkNoTenant(this.trials, relation, '', this.as);
    return { tenants, empty: tables.filter((table) => rows.get(table)?.length === 0).map(({ label }) => label) };
  }

  private tenantsOf(table: TenantRelation): Promise<TenantRows[]> {
    return this.session.query<TenantRows>(TENANT_ROWS(table), [this.behaviour.samples]);
  }

  private async checkTable(
    table: TenantRelation,
    own: readonly TenantRows[],
    tenants: readonly string[],
  ): Promise<void> {
    await checkOwnRows(this.trials, table, own, this.as);
    const tenant = own[0]?.tenant;
    const other = tenants.find((candidate) => candidate !== tenant);
    if (tenant === undefined || other === undefined) return;
    await checkWrites(this.session, this.trials, { table, tenant, other, ...this.as });
  }

  private async checkOther(relation: TenantRelation, tenants: readonly string[]): Promise<void> {
    for (const tenant of tenants) {
      const expected = await countOwnRows(this.trials, relation, tenant);
      if ('subject' in expected) this.log.problems.add(expected);
      else await checkOwnRows(this.trials, relation, [expected], this.as);
    }
  }
}

/** A role that is absent cannot log in, and one that bypasses policies proves nothing but that everything is open. */
async function findWrongRole(session: PgSession, role: string): Promise<Evidence | undefined> {
  const [found] = await session.query<{ bypasses: boolean }>(
    'SELECT rolsuper OR rolbypassrls AS bypasses FROM pg_roles WHERE rolname = $1',
    [role],
  );
  const subject = `role ${role}`;
  if (found === undefined) return { subject, problem: 'does not exist: the application cannot log in' };
  return found.bypasses
    ? { subject, problem: 'bypasses row-level security: it sees the rows of every tenant' }
    : undefined;
}
