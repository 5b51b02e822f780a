import { toActAs } from '#common/engines/postgres/act-as.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';
import {
  type MissingRight,
  toMendable,
  toSuperuserRight,
} from '#common/engines/postgres/restore/preview/missing-right.js';
import { AppError } from '#common/errors/app-error.js';
import { identifier, literal, type Sql, sql } from '#common/pg/sql.js';

interface Found {
  readonly role: string;
  readonly isSuperuser: boolean;
  readonly canCreateRoles: boolean;
  readonly mayRename: boolean;
  readonly maySignal: boolean;
  readonly owner: string;
  /** Roles of sessions that only a superuser may end. */
  readonly superusers: readonly string[];
  readonly hasRoleSettings: boolean;
  readonly prepared: readonly string[];
  readonly slots: readonly string[];
  readonly subscriptions: readonly string[];
}

const maySignal: Sql = sql`pg_has_role('pg_signal_backend', 'USAGE')`;

/** What keeps a database from being exchanged, and what the role of the session may not do and would have to. */
export async function findExchangeObstacles(
  session: PgSession,
  database: string,
): Promise<{ readonly problems: readonly AppError[]; readonly rights: readonly MissingRight[] }> {
  const found = await readObstacles(session, database);
  return { problems: toProblems(found, database), rights: found.isSuperuser ? [] : toRights(found, database) };
}

/** Whether the role may end the sessions of others: for `holdfast check`. */
export async function findRightToEnd(session: PgSession): Promise<MissingRight | undefined> {
  const { role, may } = await session.queryOne<{ role: string; may: boolean }>(
    sql`SELECT rolname::text AS role, rolsuper OR ${maySignal} AS may FROM pg_roles WHERE rolname = current_user`,
  );
  return may ? undefined : toEnding(role);
}

const toEnding = (role: string): MissingRight =>
  toMendable(`role ${role} may not end the sessions of others`, sql`GRANT pg_signal_backend TO ${identifier(role)}`);

function readObstacles(session: PgSession, database: string): Promise<Found> {
  return session.queryOne<Found>(
    sql`SELECT
       r.rolname::text AS role,
       r.rolsuper AS "isSuperuser",
       r.rolcreaterole AS "canCreateRoles",
       pg_has_role(d.datdba, 'USAGE') AND pg_has_role(d.datdba, ${toActAs(session)}) AS "mayRename",
       ${maySignal} AS "maySignal",
       pg_get_userbyid(d.datdba)::text AS owner,
       ARRAY(
         SELECT DISTINCT a.usename::text FROM pg_stat_activity a JOIN pg_roles u ON u.rolname = a.usename
         WHERE a.datname = d.datname AND u.rolsuper ORDER BY 1
       ) AS superusers,
       EXISTS (SELECT FROM pg_db_role_setting s WHERE s.setdatabase = d.oid AND s.setrole <> 0) AS "hasRoleSettings",
       ARRAY(SELECT p.gid FROM pg_prepared_xacts p WHERE p.database = d.datname ORDER BY 1) AS prepared,
       ARRAY(SELECT s.slot_name::text FROM pg_replication_slots s WHERE s.database = d.datname ORDER BY 1) AS slots,
       ARRAY(
         SELECT s.subname::text FROM pg_subscription s WHERE s.subdbid = d.oid AND s.subenabled ORDER BY 1
       ) AS subscriptions
     FROM pg_database d, pg_roles r
     WHERE d.datname = $1 AND r.rolname = current_user`,
    [database],
  );
}

function toProblems({ prepared, slots, subscriptions }: Found, database: string): AppError[] {
  const inDatabase = (statement: Sql): string => `Run \`${statement.text}\` in database "${database}"`;
  return [
    ...prepared.map((gid) =>
      toBlocked(
        `prepared transaction ${JSON.stringify(gid)} is open in database "${database}"`,
        `${inDatabase(sql`COMMIT PREPARED ${literal(gid)}`)}, or \`ROLLBACK PREPARED\`, then ask again.`,
      ),
    ),
    ...slots.map((slot) =>
      toBlocked(
        `replication slot ${slot} reads database "${database}", and would go on with the one that is put aside`,
        `Stop its consumer and run \`${sql`SELECT pg_drop_replication_slot(${literal(slot)})`.text}\`, or restore with --strategy in-place.`,
      ),
    ),
    ...subscriptions.map((name) =>
      toBlocked(
        `subscription ${name} writes to database "${database}", and would go on with the one that is put aside`,
        `${inDatabase(sql`ALTER SUBSCRIPTION ${identifier(name)} DISABLE`)}, or restore with --strategy in-place.`,
      ),
    ),
  ];
}

const toBlocked = (message: string, hint: string): AppError => new AppError('restore.blocked', message, {}, { hint });

function toRights(found: Found, database: string): MissingRight[] {
  const { role, owner, superusers } = found;
  return [
    ...(found.mayRename
      ? []
      : [
          toMendable(
            `role ${role} may not rename database "${database}", which belongs to ${owner}`,
            sql`GRANT ${identifier(owner)} TO ${identifier(role)}`,
          ),
        ]),
    ...(found.maySignal ? [] : [toEnding(role)]),
    ...superusers.map((name) =>
      toSuperuserRight(`role ${role} may not end the sessions of ${name}, who is a superuser`),
    ),
    ...(found.hasRoleSettings && !found.canCreateRoles
      ? [toSuperuserRight(`role ${role} may not set parameters for other roles, which database "${database}" has`)]
      : []),
  ];
}
