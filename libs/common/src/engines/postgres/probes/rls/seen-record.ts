import type { SeenRows, TenantFacts } from '#common/contracts/tenant-facts.js';
import type { TenantTables } from '#common/engines/postgres/tenants/tenant-tables.js';

/** What the application's role saw when the backup was taken, as far as it is known. */
export class SeenRecord {
  /** Why nothing is known of any relation, or null. */
  readonly reason: string | null;
  private readonly known: TenantFacts | undefined;
  private readonly unseen: ReadonlyMap<string, string>;
  private readonly rows: ReadonlyMap<string, SeenRows>;

  constructor(facts: TenantFacts | undefined, { column, application }: TenantTables) {
    this.reason = findReason(facts, { column, role: application?.role, tenantSetting: application?.tenantSetting });
    this.known = this.reason === null ? facts : undefined;
    this.unseen = new Map(this.known?.unseen.map(({ relation, reason }) => [relation, reason]));
    this.rows = new Map(this.known?.seen.map((seen) => [toKey(seen.relation, seen.tenant), seen]));
  }

  find(relation: string, tenant: string | null): SeenRows | undefined {
    return this.rows.get(toKey(relation, tenant));
  }

  /** The tenants that were looked at in a relation. */
  tenantsOf(relation: string): string[] {
    const seen = this.known?.seen.filter((each) => each.relation === relation) ?? [];
    return seen.flatMap(({ tenant }) => (tenant === null || tenant === '' ? [] : [tenant]));
  }

  wasUnreadable(relation: string): boolean {
    return this.known?.unreadable.includes(relation) ?? false;
  }

  /** It could not be recorded for itself: an error, or a view that asks for the time. */
  wasUnseen(relation: string): boolean {
    return this.unseen.has(relation);
  }

  /** Where only isolation can be judged, and why. */
  notes(relations: readonly string[]): string[] {
    const isolationOnly = 'only isolation is judged';
    if (this.reason !== null) return [`what the application saw was not recorded: ${this.reason}; ${isolationOnly}`];
    return relations.flatMap((relation) => {
      const reason = this.unseen.get(relation);
      return reason === undefined ? [] : [`${relation} was not recorded: ${reason}; ${isolationOnly}`];
    });
  }

  /** Relations that showed rows of other tenants already when the backup was taken: equal is not isolated. */
  openBefore(): string[] {
    return [...new Set(this.known?.seen.filter(({ others }) => others > 0).map(({ relation }) => relation))];
  }
}

function findReason(
  facts: TenantFacts | undefined,
  asked: { readonly column: string; readonly role: string | undefined; readonly tenantSetting: string | undefined },
): string | null {
  if (facts === undefined) return 'the dataset named no application when the backup was taken';
  const isOfAnother = (['role', 'tenantSetting', 'column'] as const).some((key) => facts[key] !== asked[key]);
  if (!isOfAnother) return facts.reason;
  return `the backup knows role ${facts.role} with ${facts.tenantSetting} and column ${facts.column}`;
}

const toKey = (relation: string, tenant: string | null): string => JSON.stringify([relation, tenant]);
