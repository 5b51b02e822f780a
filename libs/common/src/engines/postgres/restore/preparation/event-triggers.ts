import type { SnapshotFacts } from '#common/contracts/snapshot-facts.js';
import { unpackDefinitions } from '#common/engines/postgres/facts/definitions/packing.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';
import type { PostgresTarget } from '#common/engines/postgres/postgres-dataset.js';
import { body, identifier, joined, literal, type Sql, sql } from '#common/pg/sql.js';
import { type MissingRight, toMendable, toSuperuserRight } from '../preview/missing-right.js';

/** As the facts name them: with `event trigger ` before the quoted name. */
export function eventTriggersOf({ definitions }: SnapshotFacts): string[] {
  return unpackDefinitions(definitions)
    .filter(({ kind }) => kind === 'event trigger')
    .map(({ identity }) => `event trigger ${identity}`)
    .sort();
}

interface EventTrigger {
  readonly oid: string;
  /** `O`, `R` and `A`: enabled, for replicas only, always. */
  readonly state: 'O' | 'R' | 'A';
}

const ENABLE: Readonly<Record<EventTrigger['state'], string>> = {
  O: 'ENABLE',
  R: 'ENABLE REPLICA',
  A: 'ENABLE ALWAYS',
};

/**
 * The first statements of a transaction in which no event trigger of the database fires: one might forbid a DROP, or write down every
 * statement into a table that is being restored. Those of the backup come with the archive, in the state that it says; all others are
 * at the commit as they were. An ALTER EVENT TRIGGER fires none itself.
 */
export async function quietStatements(session: PgSession): Promise<Sql[]> {
  if (await maySwitchOff(session)) return [sql`SET LOCAL event_triggers = off`];
  const triggers = await session.query<EventTrigger & { readonly name: string }>(
    `SELECT oid::text AS oid, evtname AS name, evtenabled AS state FROM pg_event_trigger WHERE evtenabled <> 'D' ORDER BY evtname`,
  );
  return triggers.length === 0 ? [] : [toDisable(triggers), ...toEnableAtCommit(triggers)];
}

const listOf = (texts: readonly string[]): Sql => joined(texts.map(literal));

const toDisable = (triggers: readonly EventTrigger[]): Sql =>
  sql`DO ${body(sql`DECLARE statement text;
  BEGIN
    FOR statement IN
      SELECT format('ALTER EVENT TRIGGER %I DISABLE', evtname) FROM pg_catalog.pg_event_trigger
      WHERE oid::text IN (${listOf(triggers.map(({ oid }) => oid))})
    LOOP
      EXECUTE statement;
    END LOOP;
  END`)}`;

/** By oid: one that the archive dropped and made again has another, and the state that it should have. */
const toEnableAtCommit = (triggers: readonly EventTrigger[]): Sql[] => [
  sql`CREATE FUNCTION pg_temp.holdfast_event_triggers() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
   SET search_path = pg_catalog AS ${body(sql`DECLARE statement text;
  BEGIN
    FOR statement IN
      SELECT format('ALTER EVENT TRIGGER %I ' || before.enable, t.evtname)
      FROM unnest(
        ARRAY[${listOf(triggers.map(({ oid }) => oid))}], ARRAY[${listOf(triggers.map(({ state }) => ENABLE[state]))}]
      ) AS before (oid, enable)
      JOIN pg_event_trigger t ON t.oid::text = before.oid
    LOOP
      EXECUTE statement;
    END LOOP;
    RETURN NULL;
  END`)}`,
  sql`CREATE TEMPORARY TABLE holdfast_event_triggers () ON COMMIT DROP`,
  sql`CREATE CONSTRAINT TRIGGER holdfast_event_triggers AFTER INSERT ON pg_temp.holdfast_event_triggers
   DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION pg_temp.holdfast_event_triggers()`,
  sql`INSERT INTO pg_temp.holdfast_event_triggers DEFAULT VALUES`,
];

/** From 17 on event triggers can be switched off for a session. */
async function maySwitchOff(session: PgSession): Promise<boolean> {
  if (session.serverMajor < 17) return false;
  const { may } = await session.queryOne<{ may: boolean }>(
    `SELECT has_parameter_privilege('event_triggers', 'SET') AS may`,
  );
  return may;
}

/** The event triggers of the backup that the role which makes them may not make. Under `drop` the owner of the target makes them. */
export async function findRightToCreate(
  session: PgSession,
  facts: SnapshotFacts,
  { privileges, owner }: PostgresTarget,
): Promise<MissingRight[]> {
  const names = eventTriggersOf(facts);
  if (names.length === 0) return [];
  const creator = privileges === 'drop' ? (owner ?? null) : null;
  const { role, isSuperuser } = await session.queryOne<{ role: string; isSuperuser: boolean }>(
    `SELECT coalesce($1, current_user) AS role,
       coalesce((SELECT rolsuper FROM pg_roles WHERE rolname = coalesce($1, current_user)), false) AS "isSuperuser"`,
    [creator],
  );
  return isSuperuser
    ? []
    : names.map((name) => toSuperuserRight(`role ${role} may not create ${name}: it is no superuser`));
}

/** Whether the role may keep the event triggers of the database from firing while it restores in place. */
export async function findRightToQuiet(session: PgSession): Promise<MissingRight[]> {
  if (await maySwitchOff(session)) return [];
  const { role, isSuperuser, names } = await session.queryOne<{ role: string; isSuperuser: boolean; names: string[] }>(
    `SELECT r.rolname::text AS role, r.rolsuper AS "isSuperuser", ARRAY(
       SELECT quote_ident(evtname) FROM pg_event_trigger WHERE evtenabled IN ('O', 'A') AND evtevent <> 'login' ORDER BY 1
     ) AS names
     FROM pg_roles r WHERE r.rolname = current_user`,
  );
  if (isSuperuser || names.length === 0) return [];
  const message = `role ${role} may not disable the event triggers of the database while it restores: ${names.join(', ')}`;
  return session.serverMajor < 17
    ? [toSuperuserRight(message)]
    : [toMendable(message, sql`GRANT SET ON PARAMETER event_triggers TO ${identifier(role)}`)];
}
