import type { ObjectFacts, SnapshotFacts } from '#common/contracts/snapshot-facts.js';
import type { RestoreQuestion } from '#common/engines/engine.js';
import { compareLocales } from '#common/engines/postgres/facts/locale.js';
import { readObjects } from '#common/engines/postgres/facts/objects.js';
import { inReadOnlySnapshot } from '#common/engines/postgres/facts/pinned-session.js';
import { readDatabase } from '#common/engines/postgres/facts/server.js';
import { type PgSession, withPgSession } from '#common/engines/postgres/pg-session.js';
import type { PgTools } from '#common/engines/postgres/pg-tools.js';
import { type PostgresTarget, serverOf } from '#common/engines/postgres/postgres-dataset.js';
import { AppError, toProblem } from '#common/errors/app-error.js';
import { withDatabase } from '#common/pg/connection.js';
import { databaseExists } from '../database.js';
import { findSelection, type SelectingOptions } from '../parts/open-selection.js';
import { isInbound, type Selection, toNarrowed } from '../parts/select-parts.js';
import { eventTriggersOf, findRightToCreate, findRightToQuiet } from '../preparation/event-triggers.js';
import { findMissingExtensions } from '../preparation/extensions.js';
import { findMissingTablespaces } from '../preparation/tablespaces.js';
import { findMissingMemberships, findMissingRoles, rolesToBring } from '../roles/roles.js';
import { findLockingRun } from '../sessions.js';
import { findExchangeObstacles } from '../swap/obstacles.js';
import { findDependents } from './blockers.js';
import { subscriptionsOf } from './left-out.js';
import { findMissingCollations, findMissingLocales } from './locales.js';
import type { PostgresRestorePlan } from './plan.js';
import { decidePlaceRefusals, decideRefusals } from './refusals.js';
import { findMissingRights, makesDatabase } from './rights.js';
import { findMissingRightsInside } from './rights-inside.js';
import { findSafetyProblems } from './safety.js';
import { findRestoreTools } from './tools.js';

type Question = RestoreQuestion<PostgresTarget, SnapshotFacts>;

/** `readToc`: of the archive, where it is on this machine. */
export interface PreviewQuestion extends Question, Pick<SelectingOptions, 'readToc'> {}

const READER = 'holdfast restore plan';

/**
 * Looks at the target and says what a restore would do there, and every reason to refuse it. Changes nothing. The run asks it too, so
 * that both decide by the same list. Throws: postgres.*.
 */
export function previewRestore(
  asked: PreviewQuestion,
  tools: PgTools,
  signal: AbortSignal,
): Promise<PostgresRestorePlan> {
  const { target, destination, strategy, readToc } = asked;
  return withPgSession(serverOf(target), { signal, applicationName: READER }, async (maintenance) => {
    const exists = await databaseExists(maintenance, destination);
    const selection = await findSelection(asked, { exists, readToc, signal });
    const question = toNarrowed(asked, selection);
    const server = await previewServer(maintenance, question);
    const { found, toolProblem } = await lookForTools(
      question,
      { tools, serverMajor: maintenance.serverMajor },
      signal,
    );
    const { safetyProblems, holdsCatalog, ...inside } = exists
      ? await previewExisting(question, { tools, selection }, signal)
      : emptyDatabase(question);
    const exchange =
      exists && strategy === 'swap' ? await findExchangeObstacles(maintenance, destination) : NO_OBSTACLES;
    const { obstacles, ...outside } = server;
    const missingRights = [...server.missingRights, ...inside.missingRights, ...exchange.rights];
    const leftOut = subscriptionsOf(question.manifest.snapshot);
    const plan = { target: target.name, destination, strategy, exists, leftOut, ...outside, ...inside };
    const chosen = { chosen: selection?.tables ?? [], leftOutOfParts: selection?.leftOut ?? [] };
    const whole = { ...plan, ...chosen, missingRights, tools: found };
    const problems = {
      ...{ toolProblem, safetyProblems, holdsCatalog, exchangeProblems: exchange.problems },
      partProblems: selection?.refusals ?? [],
    };
    const refusals = decideRefusals({ ...whole, ...obstacles, ...problems }, target).map(toProblem);
    return { ...whole, missingRights: missingRights.map(({ message }) => message), refusals };
  });
}

const NO_OBSTACLES = { problems: [], rights: [] };

interface Place extends Pick<Question, 'target' | 'destination' | 'strategy' | 'identity'> {}

/** The same as far as it does not depend on what comes back. Throws: postgres.*. */
export function previewPlace(
  { target, destination, strategy, identity }: Place,
  signal: AbortSignal,
): Promise<{ readonly exists: boolean; readonly refusals: readonly AppError[] }> {
  return withPgSession(serverOf(target), { signal, applicationName: READER }, async (session) => {
    const exists = await databaseExists(session, destination);
    const { isStandby } = await session.queryOne<{ isStandby: boolean }>('SELECT pg_is_in_recovery() AS "isStandby"');
    const restoringRun = await findLockingRun(session, destination, identity?.runId);
    return { exists, refusals: decidePlaceRefusals({ destination, strategy, exists, isStandby, restoringRun }) };
  });
}

async function previewServer(
  session: PgSession,
  { manifest, target, destination: database, strategy, identity }: Question,
) {
  const facts = manifest.snapshot;
  const missingRoles = await findMissingRoles(session, rolesToBring(facts, target));
  const { sessions, isStandby } = await session.queryOne<{ sessions: number; isStandby: boolean }>(
    `SELECT count(*)::int AS sessions, pg_is_in_recovery() AS "isStandby"
     FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()`,
    [database],
  );
  return {
    missingRoles,
    missingMemberships: await findMissingMemberships(session, facts, target),
    missingExtensions: await findMissingExtensions(session, facts),
    missingTablespaces: await findMissingTablespaces(session, facts),
    missingLocales: [
      ...(makesDatabase(strategy) ? await findMissingLocales(session, facts) : []),
      ...(await findMissingCollations(session, facts)),
    ],
    missingRights: [
      ...(await findMissingRights(session, { facts, target, strategy, missingRoles })),
      ...(await findRightToCreate(session, facts, target)),
    ],
    sessions,
    obstacles: { isStandby, restoringRun: await findLockingRun(session, database, identity?.runId) },
  };
}

async function lookForTools(
  { manifest, target }: Question,
  { tools, serverMajor }: { readonly tools: PgTools; readonly serverMajor: number },
  signal: AbortSignal,
): Promise<{ readonly found: Readonly<Record<string, string>>; readonly toolProblem: AppError | null }> {
  try {
    const { versions } = await findRestoreTools({ manifest, target, serverMajor }, tools, signal);
    return { found: versions, toolProblem: null };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { found: {}, toolProblem: error };
  }
}

interface Inside {
  readonly tools: PgTools;
  readonly selection: Selection | undefined;
}

function previewExisting(question: Question, inside: Inside, signal: AbortSignal) {
  if (question.strategy === 'in-place') return previewDatabase(question, inside, signal);
  return question.strategy === 'swap' ? previewReplaced(question, signal) : emptyDatabase(question);
}

/** What a database holds that another one is going to replace as a whole. */
async function previewReplaced(question: Question, signal: AbortSignal) {
  const { manifest, target, destination } = question;
  const connection = withDatabase(target.connection, destination);
  const present = await withPgSession(connection, { signal, applicationName: READER }, (session) =>
    inReadOnlySnapshot(session, () => readObjects(session)),
  );
  const backup = identitiesOf(manifest.snapshot.objects);
  const putAside = sorted(present.filter(isNamed)).filter((identity) => !backup.has(identity));
  return { ...emptyDatabase(question), putAside, holdsCatalog: hasCatalog(present) };
}

function previewDatabase(question: Question, { tools, selection }: Inside, signal: AbortSignal) {
  const { manifest, target, destination: database, safety } = question;
  const connection = withDatabase(target.connection, database);
  return withPgSession(connection, { signal, applicationName: READER }, (session) =>
    inReadOnlySnapshot(session, async () => {
      const backup = identitiesOf(manifest.snapshot.objects);
      const all = await readObjects(session);
      const present = all.filter(isNamed);
      const doomed = findDoomed(present, manifest.snapshot.objects);
      const { dropped, blockers } = await findDependents(session, doomed);
      const newer = sorted(present).filter((identity) => !backup.has(identity));
      const found = identitiesOf(present);
      const isArchived = toIsArchived(manifest.snapshot);
      return {
        overwritten: sorted(present).filter((identity) => backup.has(identity)),
        created: [...backup].filter((identity) => !found.has(identity)).sort(),
        dropped: newer.filter((identity) => dropped.has(identity)),
        // Beside chosen tables everything stays, and that is no finding.
        newer: selection === undefined ? newer.filter((identity) => !dropped.has(identity)) : [],
        putAside: [],
        blockers: blockers.filter(
          ({ dependent }) => !isArchived(dependent) && !(selection && isInbound(selection, dependent)),
        ),
        holdsCatalog: hasCatalog(present),
        otherLocale: compareLocales(manifest.snapshot, await readDatabase(session)).map(
          ({ what, expected, actual }) => `${what} is ${actual ?? 'none'}, and ${expected ?? 'none'} in the backup`,
        ),
        missingRights: [
          ...(await findMissingRightsInside(session, { facts: manifest.snapshot, target, doomed, present })),
          ...(await findRightToQuiet(session)),
        ],
        safetyProblems: safety ? await findSafetyProblems(session, target, { tools, signal }) : [],
      };
    }),
  );
}

/** Whether an event trigger comes with the archive, which drops its own first. */
function toIsArchived(facts: SnapshotFacts): (dependent: string) => boolean {
  const own = new Set(eventTriggersOf(facts));
  return (dependent) => own.has(dependent);
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

const emptyDatabase = ({ manifest }: Question) => ({
  overwritten: [],
  created: [...identitiesOf(manifest.snapshot.objects)].sort(),
  dropped: [],
  newer: [],
  putAside: [],
  blockers: [],
  otherLocale: [],
  missingRights: [],
  safetyProblems: [],
  holdsCatalog: false,
});

/** By what it holds, because a catalog can be reached under more names of its host than a configuration can list. */
const CATALOG_MARK = 'holdfast.migrations';

const hasCatalog = (present: readonly ObjectFacts[]): boolean =>
  present.some(({ identity }) => identity === CATALOG_MARK);
