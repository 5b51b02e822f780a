import type { SeenRows, TenantFacts } from '#common/contracts/tenant-facts.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';
import { sql } from '#common/pg/sql.js';
import { listTenantRelations, type TenantRelation } from './relations.js';
import { findBlindness } from './role.js';
import { ApplicationSight, type Sighting } from './sight.js';
import type { TenantApplication, TenantTables } from './tenant-tables.js';
import { TenantTrials } from './trial.js';

/** One look, and all together: a view that takes hours must not keep the source's snapshot for its sake. */
const LOOK_MS = 60_000;
const RECORD_MS = 600_000;

const NO_TIME = `the looks before it took ${RECORD_MS / 60_000} minutes`;
const READS_CLOCK = 'it, or a policy, view or function behind it, asks for the time: what it shows changes by itself';

export interface RecordOptions {
  readonly tenantTables: TenantTables;
  readonly application: TenantApplication;
}

/**
 * What the application's role sees in the session's transaction, for the tenants with most rows. The session sees every row itself. The
 * record gives the reason for what it lacks.
 */
export async function recordTenants(session: PgSession, o: RecordOptions): Promise<TenantFacts> {
  const { role } = o.application;
  const reason = await findBlindness(session, role);
  if (reason !== undefined) return toNoRecord(o, reason);
  await session.query(sql`SET LOCAL statement_timeout = ${LOOK_MS}`);
  const options = { column: o.tenantTables.column, guarded: new Set<string>() };
  const relations = await listTenantRelations(session, o.application, options);
  const record = new TenantRecord(relations);
  const sight = new ApplicationSight(new TenantTrials(session, o.application.tenantSetting), o.application);
  const until = performance.now() + RECORD_MS;
  for await (const sighting of sight.look(record.recordable, (relation) => sight.sample(relation))) {
    record.add(sighting);
    if (performance.now() < until) continue;
    record.endEarly();
    break;
  }
  return { ...toNoRecord(o, null), ...record.facts() };
}

export const toNoRecord = ({ application, tenantTables }: RecordOptions, reason: string | null): TenantFacts => ({
  ...{ role: application.role, tenantSetting: application.tenantSetting, column: tenantTables.column, reason },
  ...{ seen: [], unreadable: [], unseen: [] },
});

class TenantRecord {
  readonly recordable: readonly TenantRelation[];
  private readonly seen: SeenRows[] = [];
  private readonly unreadable = new Set<string>();
  private readonly unseen = new Map<string, string>();

  constructor(relations: readonly TenantRelation[]) {
    this.recordable = relations.filter(({ readsClock }) => !readsClock);
    for (const { label, readsClock } of relations) if (readsClock) this.unseen.set(label, READS_CLOCK);
  }

  add({ relation: { label: relation }, tenant, sight }: Sighting): void {
    if ('own' in sight) this.seen.push({ relation, tenant, ...sight });
    else if ('isDenied' in sight) this.unreadable.add(relation);
    // A policy may well raise an error where no tenant is set.
    else if (tenant !== null && tenant !== '') this.unseen.set(relation, sight.error);
  }

  endEarly(): void {
    for (const { label } of this.recordable) {
      const isDone = this.seen.some(({ relation, tenant }) => relation === label && tenant === '');
      if (!isDone && !this.unseen.has(label)) this.unseen.set(label, NO_TIME);
    }
  }

  facts(): Pick<TenantFacts, 'seen' | 'unreadable' | 'unseen'> {
    return {
      seen: this.seen.filter(({ relation }) => !this.unseen.has(relation)),
      unreadable: [...this.unreadable],
      unseen: [...this.unseen].map(([relation, reason]) => ({ relation, reason })),
    };
  }
}
