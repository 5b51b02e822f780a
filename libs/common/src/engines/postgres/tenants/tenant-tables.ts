/** Called as a tenant: it returns rows with a tenant column, or one value. */
export interface TenantFunction {
  /** With arguments: `shop.my_orders()`. */
  readonly call: string;
  readonly column?: string | undefined;
  /** SQL that gives the right value, `$1` the tenant as text. */
  readonly equals?: string | undefined;
}

/** How the application queries for one tenant, and what of it is looked at. */
export interface TenantApplication {
  readonly role: string;
  /** The setting that policies read. */
  readonly tenantSetting: string;
  /** `schema.table` with `*`; undefined: every table with row-level security. */
  readonly tables?: readonly string[] | undefined;
  readonly views: readonly string[];
  readonly functions: readonly TenantFunction[];
  /** Tenants looked at per table, those with most rows first. */
  readonly samples: number;
}

/** Tables in this schema with this column belong to tenants: every one needs row-level security. */
export interface TenantTables {
  readonly schema: string;
  readonly column: string;
  readonly application?: TenantApplication | undefined;
}
