import { type PgSession, withPgSession } from '#common/engines/postgres/pg-session.js';
import type { PgTools } from '#common/engines/postgres/pg-tools.js';
import { serverOf } from '#common/engines/postgres/postgres-dataset.js';
import { findSafetyProblems } from '#common/engines/postgres/restore/preview/safety.js';
import { readSchemaVersion } from '#common/engines/temporal/read-stores.js';
import {
  databasesOf,
  nameOf,
  type PerStore,
  STORES,
  type StoreName,
  type TemporalTarget,
} from '#common/engines/temporal/temporal-dataset.js';
import { AppError } from '#common/errors/app-error.js';
import { withDatabase } from '#common/pg/connection.js';

interface ReplaceQuestion {
  readonly target: TemporalTarget;
  readonly destination: string;
  readonly safety: boolean;
}

interface Around {
  readonly stores: PerStore<{ readonly exists: boolean }>;
  readonly tools: PgTools;
}

/** Why what is there cannot be replaced. Throws: postgres.*. */
export async function findReplaceProblems(
  { target, destination, safety }: ReplaceQuestion,
  { stores, tools }: Around,
  signal: AbortSignal,
): Promise<AppError[]> {
  const names = databasesOf(target, destination);
  const there = STORES.filter((store) => stores[store].exists);
  const found: AppError[] = [];
  for (const store of STORES) {
    if (there.includes(store))
      found.push(...(await findProblemsOf({ target, store, name: names[store] }, { safety, tools }, signal)));
    else if (there.length === 0 || safety) found.push(toAbsent(store, names[store], there.length > 0));
  }
  return found;
}

/** Half a Temporal can be replaced, but it cannot be backed up. */
const toAbsent = (store: StoreName, name: string, isOtherThere: boolean): AppError =>
  new AppError(
    'restore.database-missing',
    `there is no database "${name}", the ${nameOf(store)}`,
    {},
    isOtherThere
      ? { hint: 'Restore with --no-safety-backup: one of the two databases alone cannot be backed up before.' }
      : { hint: 'Restore with --strategy new, which creates both databases.' },
  );

interface Existing {
  readonly target: TemporalTarget;
  readonly store: StoreName;
  readonly name: string;
}

async function findProblemsOf(
  { target: { server }, store, name }: Existing,
  { safety, tools }: { readonly safety: boolean; readonly tools: PgTools },
  signal: AbortSignal,
): Promise<AppError[]> {
  const options = { signal, applicationName: 'holdfast restore plan' };
  const outside = await withPgSession(serverOf(server), options, (session) => findInTheWay(session, name));
  const inside = await withPgSession(withDatabase(server.connection, name), options, async (session) => [
    ...(await findForeign(session, store)),
    ...(safety ? await findSafetyProblems(session, server, { tools, signal }) : []),
  ]);
  return [...outside, ...inside];
}

/** A database is renamed by its owner, while no session is in it. */
async function findInTheWay(session: PgSession, name: string): Promise<AppError[]> {
  const { sessions, owner, isOwner } = await session.queryOne<{ sessions: number; owner: string; isOwner: boolean }>(
    `SELECT pg_get_userbyid(datdba) AS owner, pg_has_role(datdba, 'USAGE') AS "isOwner",
       (SELECT count(*)::int FROM pg_stat_activity a WHERE a.datname = d.datname AND backend_type = 'client backend') AS sessions
     FROM pg_database d WHERE datname = $1`,
    [name],
  );
  const inUse = new AppError(
    'restore.blocked',
    `database "${name}" has ${sessions} open sessions`,
    {},
    { hint: 'Stop the services of Temporal, and whatever else is connected to the database, then ask again.' },
  );
  const foreign = new AppError(
    'postgres.permission',
    `database "${name}" belongs to ${owner}, as which the role of the target may not act`,
    {},
    { hint: `Let the role in the url of the target act as ${owner}: GRANT that role to it.` },
  );
  return [...(sessions > 0 ? [inUse] : []), ...(isOwner ? [] : [foreign])];
}

/** What is no store of Temporal is never taken away, whatever a request calls it. */
async function findForeign(session: PgSession, store: StoreName): Promise<AppError[]> {
  try {
    await readSchemaVersion(session, store);
    return [];
  } catch (error) {
    if (error instanceof AppError && error.code === 'temporal.store-missing') return [error];
    throw error;
  }
}
