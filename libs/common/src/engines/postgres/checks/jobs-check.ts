import type { Check } from '#common/engines/check.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';
import type { PostgresDataset } from '#common/engines/postgres/postgres-dataset.js';
import { AppError } from '#common/errors/app-error.js';
import { identifier, sql } from '#common/pg/sql.js';

/** One that holds the snapshot, one that reads the catalogs, and pg_dump itself. */
const BESIDES = 3;

interface Room {
  readonly role: string;
  /** Of the role; -1: the server's alone. */
  readonly roleLimit: number;
  readonly ofRole: number;
  readonly serverLimit: number;
  readonly all: number;
}

/** Whether a dump by several jobs gets as many sessions as it needs, now. */
export const jobsCheck = (
  { name, dump }: PostgresDataset,
  connected: string,
  withSession: <T>(work: (session: PgSession) => Promise<T>) => Promise<T>,
): Check => ({
  name: `dataset ${name}: sessions for ${dump?.jobs ?? 1} jobs`,
  needs: [connected],
  run: () =>
    withSession(async (session) => {
      const needed = (dump?.jobs ?? 1) + BESIDES;
      const room = await readRoom(session);
      const { role, roleLimit, ofRole, serverLimit, all } = room;
      if (roleLimit >= 0 && roleLimit - ofRole < needed) {
        const mend = sql`ALTER ROLE ${identifier(role)} CONNECTION LIMIT ${ofRole + needed}`.text;
        throw toLack(`role ${role} may open ${roleLimit} sessions and has ${ofRole}; a dump needs ${needed}`, mend);
      }
      if (serverLimit - all < needed) {
        const mend = sql`ALTER SYSTEM SET max_connections = ${serverLimit + needed}`.text;
        throw toLack(`the server has room for ${serverLimit - all} more sessions; a dump needs ${needed}`, mend);
      }
      return `a dump opens ${needed} sessions, and the server has room for ${serverLimit - all}`;
    }),
});

const toLack = (message: string, statement: string): AppError =>
  new AppError('postgres.busy', message, {}, { hint: `Run \`${statement}\` as a superuser, or lower \`dump.jobs\`.` });

/** Ours is among them, and is gone by then. */
const readRoom = (session: PgSession): Promise<Room> =>
  session.queryOne<Room>(
    `SELECT r.rolname::text AS role, r.rolconnlimit AS "roleLimit",
       (SELECT count(*)::int - 1 FROM pg_stat_activity a WHERE a.usesysid = r.oid) AS "ofRole",
       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int AS "serverLimit",
       (SELECT count(*)::int - 1 FROM pg_stat_activity a WHERE a.backend_type = 'client backend') AS "all"
     FROM pg_roles r WHERE r.rolname = current_user`,
  );
