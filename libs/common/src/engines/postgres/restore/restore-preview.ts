import type { Manifest } from '#common/contracts/manifest.js';
import type { ObjectFacts } from '#common/contracts/snapshot-facts.js';
import { readObjects } from '#common/engines/postgres/facts/facts-objects.js';
import { inReadOnlySnapshot } from '#common/engines/postgres/facts/facts-session.js';
import { type PgSession, withPgSession } from '#common/engines/postgres/pg-session.js';
import type { PostgresTarget } from '#common/engines/postgres/postgres-dataset.js';
import { withDatabase } from '#common/pg/connection.js';
import { findDependents } from './restore-blockers.js';
import { databaseExists } from './restore-database.js';
import { findMissingExtensions } from './restore-extensions.js';
import type { RestorePlan } from './restore-plan.js';
import { toRefusals } from './restore-refusals.js';
import { findMissingRights } from './restore-rights.js';
import { findMissingRoles, rolesToBring } from './restore-roles.js';

export interface RestoreQuestion {
  readonly manifest: Manifest;
  readonly target: PostgresTarget;
  readonly database: string;
  readonly strategy: 'new' | 'in-place';
}

const READER = 'holdfast restore plan';

/** Looks at the target and says what a restore would do there. Changes nothing. Throws: postgres.*. */
export function previewRestore(question: RestoreQuestion, signal: AbortSignal): Promise<RestorePlan> {
  const { target, database, strategy } = question;
  return withPgSession(target.connection, { signal, applicationName: READER }, async (maintenance) => {
    const exists = await databaseExists(maintenance, database);
    const server = await previewServer(maintenance, question);
    const isOverwritten = exists && strategy === 'in-place';
    const inside = isOverwritten ? await previewDatabase(question, signal) : emptyDatabase(question);
    const plan = { target: target.name, database, strategy, databaseExists: exists, ...server, ...inside };
    return { ...plan, refusals: toRefusals(plan, question.manifest.snapshot, target, maintenance.serverMajor) };
  });
}

async function previewServer(session: PgSession, { manifest, target, database, strategy }: RestoreQuestion) {
  const facts = manifest.snapshot;
  const missingRoles = await findMissingRoles(session, rolesToBring(facts, target));
  const { sessions } = await session.queryOne<{ sessions: number }>(
    'SELECT count(*)::int AS sessions FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()',
    [database],
  );
  return {
    missingRoles,
    missingExtensions: await findMissingExtensions(session, facts),
    missingRights: await findMissingRights(session, { facts, target, strategy, missingRoles }),
    sessions,
  };
}

function previewDatabase({ manifest, target, database }: RestoreQuestion, signal: AbortSignal) {
  const connection = withDatabase(target.connection, database);
  return withPgSession(connection, { signal, applicationName: READER }, (session) =>
    inReadOnlySnapshot(session, async () => {
      const backup = identitiesOf(manifest.snapshot.objects);
      const present = (await readObjects(session)).filter(isNamed);
      const { dropped, blockers } = await findDependents(session, findDoomed(present, manifest.snapshot.objects));
      const newer = sorted(present).filter((identity) => !backup.has(identity));
      const found = identitiesOf(present);
      return {
        overwritten: sorted(present).filter((identity) => backup.has(identity)),
        created: [...backup].filter((identity) => !found.has(identity)).sort(),
        dropped: newer.filter((identity) => dropped.has(identity)),
        newer: newer.filter((identity) => !dropped.has(identity)),
        blockers,
      };
    }),
  );
}

/** Schemas stay: what the backup does not know may be in them. */
export function findDoomed(present: readonly ObjectFacts[], backup: readonly ObjectFacts[]): ObjectFacts[] {
  const identities = identitiesOf(backup);
  return present.filter((object) => isNamed(object) && object.kind !== 'schema' && identities.has(object.identity));
}

/** Default privileges are a property of roles, nothing that could be dropped. */
const isNamed = ({ kind }: ObjectFacts): boolean => kind !== 'default-privileges';
const sorted = (objects: readonly ObjectFacts[]): string[] => objects.map(({ identity }) => identity).sort();
const identitiesOf = (objects: readonly ObjectFacts[]): Set<string> =>
  new Set(objects.filter(isNamed).map(({ identity }) => identity));

const emptyDatabase = ({ manifest }: RestoreQuestion) => ({
  overwritten: [],
  created: [...identitiesOf(manifest.snapshot.objects)].sort(),
  dropped: [],
  newer: [],
  blockers: [],
});
