import type { Sql } from '#common/catalog/sql.js';

export interface Taken {
  readonly consumer: string;
  readonly source: string;
  readonly id: string;
  /** Must outlive every way in which the request could come again and still be valid. */
  readonly keepUntil: Date;
}

const REMEMBER = `
  INSERT INTO holdfast.inbox (consumer, source, event_id, keep_until)
  VALUES ($1, $2, $3, $4)
  ON CONFLICT DO NOTHING`;

const PRUNE = `
  DELETE FROM holdfast.inbox
  WHERE ctid = ANY (ARRAY(SELECT ctid FROM holdfast.inbox WHERE keep_until < clock_timestamp() LIMIT $1))`;

export const inboxStore = (sql: Sql) => ({
  /** True for the first time that this consumer sees (source, id). A concurrent twin waits for this transaction and then sees false. */
  remember: async ({ consumer, source, id, keepUntil }: Taken): Promise<boolean> =>
    (await sql.affected(REMEMBER, [consumer, source, id, keepUntil])) === 1,

  /** Forgets at most `limit` that may be forgotten; returns how many. */
  prune: (limit: number): Promise<number> => sql.affected(PRUNE, [limit]),
});
