import { type Sql, sql } from '#common/pg/sql.js';
import type { TenantRelation } from './relations.js';
import type { TenantApplication } from './tenant-tables.js';
import { ADMINISTRATOR, isMissingPrivilege, type TenantTrials } from './trial.js';

export interface RowCounts {
  readonly own: number;
  readonly others: number;
  /** Rows whose tenant is null. */
  readonly unowned: number;
}

/** What a look at a relation gave. */
export type Sight = RowCounts | { readonly isDenied: true } | { readonly error: string };

export interface Sighting {
  readonly relation: TenantRelation;
  /** null: the setting is unknown, as on a fresh connection; '' is what an ended transaction leaves in a pooled one. */
  readonly tenant: string | null;
  readonly sight: Sight;
}

const COUNTS = ({ from, column }: TenantRelation): Sql =>
  sql`SELECT count(*) FILTER (WHERE ${column}::text = $1)::float8 AS own,
          count(*) FILTER (WHERE ${column}::text <> $1)::float8 AS others,
          count(*) FILTER (WHERE ${column} IS NULL)::float8 AS unowned
   FROM ${from}`;

/** Tenants with most rows first, in an order that no collation changes. */
const TENANTS = ({ from, column }: TenantRelation): Sql =>
  sql`SELECT ${column}::text AS tenant FROM ${from}
   WHERE ${column} IS NOT NULL GROUP BY 1 ORDER BY count(*) DESC, ${column}::text COLLATE "C" LIMIT $1`;

/** Looks at every relation as the application's role. Changes nothing. */
export class ApplicationSight {
  private readonly tenantsOf = new Map<string, readonly string[]>();

  constructor(
    private readonly trials: TenantTrials,
    private readonly application: TenantApplication,
  ) {}

  /** `choose` names the tenants to look for in a relation. Tables come before what shows their rows. */
  async *look(
    relations: readonly TenantRelation[],
    choose: (relation: TenantRelation) => Promise<readonly string[]>,
  ): AsyncGenerator<Sighting> {
    const tables = relations.filter(({ kind }) => kind === 'table');
    const ordered = [...tables, ...relations.filter(({ kind }) => kind !== 'table')];
    // First, while the setting is still unknown to this session: a rollback leaves it empty.
    for (const relation of ordered) yield await this.sightOf(relation, null);
    for (const relation of ordered) {
      for (const tenant of await choose(relation)) {
        const sighting = await this.sightOf(relation, tenant);
        yield sighting;
        // The next tenant would get the same answer.
        if (!('own' in sighting.sight)) break;
      }
    }
    for (const relation of ordered) yield await this.sightOf(relation, '');
  }

  /** Of a table its own with most rows; of what shows rows of tables, the first of the tables seen so far. */
  async sample(relation: TenantRelation): Promise<readonly string[]> {
    const { samples } = this.application;
    if (relation.kind !== 'table') return this.sampled().slice(0, samples);
    const found = await this.trials.try<{ tenant: string }>(ADMINISTRATOR, TENANTS(relation), [samples]);
    const tenants = 'rows' in found ? found.rows.map(({ tenant }) => tenant) : [];
    this.tenantsOf.set(relation.label, tenants);
    return tenants;
  }

  /** The tenants of all tables sampled so far. */
  sampled(): readonly string[] {
    return [...new Set([...this.tenantsOf.values()].flat())];
  }

  private async sightOf(relation: TenantRelation, tenant: string | null): Promise<Sighting> {
    const { role } = this.application;
    const actor = { role, tenant: tenant ?? undefined };
    const found = await this.trials.try<RowCounts>(actor, COUNTS(relation), [tenant ?? '']);
    return { relation, tenant, sight: 'rows' in found ? (found.rows[0] ?? NO_ROWS) : toRefusal(found.error) };
  }
}

const NO_ROWS: RowCounts = { own: 0, others: 0, unowned: 0 };

const toRefusal = (error: Parameters<typeof isMissingPrivilege>[0]): Sight =>
  isMissingPrivilege(error) ? { isDenied: true } : { error: error.message };
