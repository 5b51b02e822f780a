import type { Sql } from '../sql.js';

export interface ScheduleMark {
  readonly name: string;
  readonly doneUntil: Date;
}

const REMEMBER = 'INSERT INTO holdfast.schedules (name) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING';

const LOCK = `
  SELECT name, done_until AS "doneUntil" FROM holdfast.schedules
  WHERE name = ANY ($1)
  ORDER BY name
  FOR UPDATE`;

const ADVANCE = 'UPDATE holdfast.schedules SET done_until = $2 WHERE name = $1 AND done_until < $2';

export const scheduleStore = (sql: Sql) => ({
  /** The marks of these schedules, new ones begun now, locked until commit: two schedulers never decide at once. */
  lock: async (names: readonly string[]): Promise<ScheduleMark[]> => {
    await sql.rows(REMEMBER, [names]);
    return sql.rows<ScheduleMark>(LOCK, [names]);
  },

  /** Together with the request for the slot. */
  advance: async (name: string, doneUntil: Date): Promise<void> => {
    await sql.affected(ADVANCE, [name, doneUntil]);
  },
});
