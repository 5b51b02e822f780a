import type { Manifest } from '../../contracts/manifest.js';
import { readObjects } from './facts-objects.js';
import { withDatabase } from './pg-connection.js';
import { type PgSession, withPgSession } from './pg-session.js';
import type { PostgresTarget } from './postgres-dataset.js';
import { findBlockers } from './restore-blockers.js';
import { databaseExists } from './restore-database.js';
import type { RestorePlan } from './restore-plan.js';
import { findMissingRoles } from './restore-roles.js';

export interface RestoreQuestion {
  readonly manifest: Manifest;
  readonly target: PostgresTarget;
  readonly database: string;
  readonly strategy: 'new' | 'in-place';
}

const READER = 'holdfast restore plan';

/** Looks at the target and says what a restore would do there. Changes nothing. Throws: postgres.*. */
export function previewRestore(question: RestoreQuestion, signal: AbortSignal): Promise<RestorePlan> {
  const { target, database } = question;
  return withPgSession(target.connection, { signal, applicationName: READER }, async (maintenance) => {
    const exists = await databaseExists(maintenance, database);
    const server = await previewServer(maintenance, question);
    const inside = exists ? await previewDatabase(question, signal) : emptyDatabase(question);
    const plan = {
      target: target.name,
      database,
      strategy: question.strategy,
      databaseExists: exists,
      ...server,
      ...inside,
    };
    return { ...plan, refusals: toRefusals(plan, target) };
  });
}

async function previewServer(session: PgSession, { manifest, target, database }: RestoreQuestion) {
  const roles = target.privileges === 'keep' ? manifest.snapshot.roles : rolesOfPolicies(manifest);
  const wanted = target.privileges === 'drop' && target.owner !== undefined ? [...roles, target.owner] : roles;
  const extensions = await session.query<{ name: string }>(
    `SELECT name FROM unnest($1::text[]) AS name
     WHERE NOT EXISTS (SELECT FROM pg_available_extensions a WHERE a.name = name.name) ORDER BY name`,
    [manifest.snapshot.extensions.map(({ name }) => name)],
  );
  const { sessions } = await session.queryOne<{ sessions: number }>(
    'SELECT count(*)::int AS sessions FROM pg_stat_activity WHERE datname = $1',
    [database],
  );
  return {
    missingRoles: await findMissingRoles(session, wanted),
    missingExtensions: extensions.map(({ name }) => name),
    sessions,
  };
}

/** --no-owner --no-privileges leaves the roles that policies name. */
const rolesOfPolicies = ({ snapshot }: Manifest): string[] => [
  ...new Set(
    snapshot.tables
      .flatMap(({ rls }) => rls.policies.flatMap(({ roles }) => roles))
      .filter((role) => role !== 'public'),
  ),
];

function previewDatabase({ manifest, target, database }: RestoreQuestion, signal: AbortSignal) {
  const connection = withDatabase(target.connection, database);
  return withPgSession(connection, { signal, applicationName: READER }, async (session) => {
    const backup = new Set(manifest.snapshot.objects.map(({ identity }) => identity));
    const present = new Set((await readObjects(session)).map(({ identity }) => identity));
    return {
      overwritten: [...present].filter((identity) => backup.has(identity)).sort(),
      created: [...backup].filter((identity) => !present.has(identity)).sort(),
      newer: [...present].filter((identity) => !backup.has(identity)).sort(),
      // pg_dump leaves `public` alone unless its owner or privileges were changed; it never blocks by merely being used.
      blockers: await findBlockers(session, backup, new Set(['public'])),
    };
  });
}

const emptyDatabase = ({ manifest }: RestoreQuestion) => ({
  overwritten: [],
  created: manifest.snapshot.objects.map(({ identity }) => identity).sort(),
  newer: [],
  blockers: [],
});

function toRefusals(plan: Omit<RestorePlan, 'refusals'>, { missingRoles }: PostgresTarget): string[] {
  const refusals: string[] = [];
  if (plan.strategy === 'new' && plan.databaseExists) refusals.push(`database "${plan.database}" exists already`);
  if (plan.strategy === 'in-place' && !plan.databaseExists) refusals.push(`there is no database "${plan.database}"`);
  if (plan.missingRoles.length > 0 && missingRoles === 'refuse')
    refusals.push(`the server lacks the roles ${plan.missingRoles.join(', ')}`);
  if (plan.missingExtensions.length > 0)
    refusals.push(`the server lacks the extensions ${plan.missingExtensions.join(', ')}`);
  if (plan.strategy === 'in-place') {
    refusals.push(
      ...plan.blockers.map(({ object, dependent }) => `${dependent} depends on ${object} and is not in the backup`),
    );
  }
  return refusals;
}
