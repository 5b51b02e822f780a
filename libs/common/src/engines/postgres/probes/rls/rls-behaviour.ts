import type { Evidence } from '#common/domain/verdict.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';
import { inRollback } from '#common/engines/postgres/probes/probe-session.js';
import { listTenantRelations, type TenantRelation } from '#common/engines/postgres/tenants/relations.js';
import { findRoleState } from '#common/engines/postgres/tenants/role.js';
import { ApplicationSight } from '#common/engines/postgres/tenants/sight.js';
import type { TenantApplication } from '#common/engines/postgres/tenants/tenant-tables.js';
import { TenantTrials } from '#common/engines/postgres/tenants/trial.js';
import { EvidenceLog } from '#common/probes/evidence.js';
import type { SeenRecord } from './seen-record.js';
import { checkFunctionValue } from './tenant-function.js';
import { type BehaviourLog, judgeSighting } from './tenant-sightings.js';
import { checkWrites } from './tenant-writes.js';

export interface BehaviourTally extends BehaviourLog {
  readonly relations: readonly TenantRelation[];
  readonly tenants: readonly string[];
  /** Tables without a row: reading them shows nothing. */
  readonly empty: readonly string[];
}

export interface BehaviourOptions {
  readonly application: TenantApplication;
  readonly column: string;
  readonly record: SeenRecord;
  readonly privileges: 'keep' | 'drop';
  /** Tables that the backup knows with row-level security. */
  readonly guarded: ReadonlySet<string>;
}

/** Row-level security tried out as the application's role, for several tenants. Changes nothing. */
export async function tryBehaviour(session: PgSession, o: BehaviourOptions): Promise<BehaviourTally> {
  const log = { problems: new EvidenceLog(), unclear: new EvidenceLog(), unreadable: new Set<string>(), trials: 0 };
  const wrongRole = await findWrongRole(session, o.application.role);
  if (wrongRole !== undefined) {
    log.problems.add(wrongRole);
    return { ...log, relations: [], tenants: [], empty: [] };
  }
  const relations = await listTenantRelations(session, o.application, o);
  const walk = new BehaviourWalk(session, o, log);
  const { tenants, empty } = await inRollback(session, 'BEGIN ISOLATION LEVEL REPEATABLE READ', () =>
    walk.go(relations),
  );
  return { ...log, trials: log.trials, relations, tenants, empty };
}

class BehaviourWalk {
  private readonly trials: TenantTrials;
  private readonly sight: ApplicationSight;
  private readonly tenantsOf = new Map<TenantRelation, readonly string[]>();

  constructor(
    private readonly session: PgSession,
    private readonly o: BehaviourOptions,
    private readonly log: BehaviourLog,
  ) {
    this.trials = new TenantTrials(session, o.application.tenantSetting);
    this.sight = new ApplicationSight(this.trials, o.application);
  }

  async go(relations: readonly TenantRelation[]): Promise<{ tenants: readonly string[]; empty: string[] }> {
    const { record, privileges, application } = this.o;
    const judgement = { record, privileges, role: application.role, log: this.log };
    for await (const sighting of this.sight.look(relations, (relation) => this.choose(relation)))
      judgeSighting(sighting, judgement);
    const tenants = this.sight.sampled();
    for (const [table, [tenant]] of this.tenantsOf) {
      const other = tenants.find((candidate) => candidate !== tenant);
      if (tenant === undefined || other === undefined) continue;
      await checkWrites(this.session, this.trials, { table, tenant, other, ...judgement });
    }
    const sampled = tenants.slice(0, application.samples);
    for (const call of application.functions.filter(({ equals }) => equals !== undefined))
      await checkFunctionValue(this.trials, call, sampled, judgement);
    const empty = [...this.tenantsOf].filter(([, own]) => own.length === 0).map(([{ label }]) => label);
    return { tenants, empty };
  }

  /** Those that the backup looked at: their rows are to be the same. */
  private async choose(relation: TenantRelation): Promise<readonly string[]> {
    const sample = await this.sight.sample(relation);
    if (relation.kind === 'table') this.tenantsOf.set(relation, sample);
    const recorded = this.o.record.tenantsOf(relation.label);
    return recorded.length > 0 ? recorded : sample;
  }
}

/** A role that is absent cannot log in, and one that bypasses policies proves nothing but that everything is open. */
async function findWrongRole(session: PgSession, role: string): Promise<Evidence | undefined> {
  const found = await findRoleState(session, role);
  const subject = `role ${role}`;
  if (found === undefined) return { subject, problem: 'does not exist: the application cannot log in' };
  return found.bypasses
    ? { subject, problem: 'bypasses row-level security: it sees the rows of every tenant' }
    : undefined;
}
