import { AuditEntry } from '#common/catalog/entities/audit-entry.entity.js';
import { type Sql, toJsonb } from '#common/catalog/sql.js';
import type { JsonObject } from '#common/domain/json.js';

export interface NewAuditEntry {
  /** `source` of the request, or who called. */
  readonly actor: string;
  /** `restore.requested`, `hold.placed`, … */
  readonly action: string;
  /** What it was done to: a dataset, a target, a run. */
  readonly subject: string;
  /** `accepted`, `rejected`, … */
  readonly outcome: string;
  /** Never a secret. */
  readonly detail?: JsonObject;
}

export interface AuditFilter {
  readonly subject?: string | null;
  readonly before?: number | null;
  readonly limit?: number;
  readonly actor?: string | null;
}

const WRITE = `INSERT INTO holdfast.audit (actor, action, subject, outcome, detail) VALUES ($1, $2, $3, $4, $5)`;

const LIST = `
  SELECT * FROM holdfast.audit
  WHERE ($1::text IS NULL OR subject = $1) AND ($2::bigint IS NULL OR id < $2) AND ($4::text IS NULL OR actor = $4)
  ORDER BY id DESC
  LIMIT least(greatest($3, 1), 1000)`;

/** Append-only: the database refuses everything else, until a row is 90 days old (forget.store.ts). */
export const auditStore = (sql: Sql) => ({
  write: async ({ actor, action, subject, outcome, detail = {} }: NewAuditEntry): Promise<void> => {
    await sql.rows(WRITE, [actor, action, subject, outcome, toJsonb(detail)]);
  },

  /** Newest first; page on with the last `id`. */
  list: ({ subject = null, before = null, limit = 50, actor = null }: AuditFilter = {}): Promise<AuditEntry[]> =>
    sql.entities(AuditEntry, LIST, [subject, before, limit, actor]),
});
