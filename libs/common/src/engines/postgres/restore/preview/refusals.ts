import type { PostgresTarget } from '#common/engines/postgres/postgres-dataset.js';
import { AppError } from '#common/errors/app-error.js';
import { identifier, sql } from '#common/pg/sql.js';
import type { MissingRight } from './missing-right.js';
import type { PostgresRestorePlan } from './plan.js';

/** What was found on the server and on this machine: the plan as far as it is known before anything is decided. */
export interface Findings extends Omit<PostgresRestorePlan, 'refusals' | 'missingRights'> {
  readonly missingRights: readonly MissingRight[];
  /** Another run that holds the lock of the database. */
  readonly restoringRun: string | null;
  readonly isStandby: boolean;
  /** Why no client tools of this machine can read the archive. */
  readonly toolProblem: AppError | null;
  /** Whether the database holds a catalog of Holdfast. */
  readonly holdsCatalog: boolean;
  /** What chosen tables need and would not have. */
  readonly partProblems: readonly AppError[];
  /** swap: what ties something to the database that goes. */
  readonly exchangeProblems: readonly AppError[];
  /** in-place: why the database cannot be dumped before it is replaced. */
  readonly safetyProblems: readonly AppError[];
}

type Rule = (found: Findings, target: PostgresTarget) => readonly AppError[];

/** What is found without knowing what comes back. */
export type PlaceFindings = Pick<Findings, 'restoringRun' | 'isStandby' | 'strategy' | 'destination' | 'exists'>;

type PlaceRule = (found: PlaceFindings) => readonly AppError[];

const busy: PlaceRule = ({ restoringRun, destination }) =>
  restoringRun === null ? [] : [toBusyError(destination, { runId: restoringRun })];

const wrongDatabase: PlaceRule = ({ strategy, destination: database, exists }) => {
  if (strategy === 'new' && exists)
    return [new AppError('restore.database-exists', `database "${database}" exists already`)];
  if (strategy !== 'new' && !exists)
    return [new AppError('restore.database-missing', `there is no database "${database}"`)];
  return [];
};

const standby: PlaceRule = ({ isStandby }) =>
  isStandby
    ? [blocked('the server is a standby, which can only be read', 'Name its primary in the `url` of the target.')]
    : [];

const PLACE_RULES = [busy, wrongDatabase, standby] as const;

const catalog: Rule = ({ destination: database, holdsCatalog }) =>
  holdsCatalog ? [blocked(`database "${database}" holds a catalog of Holdfast, which no restore may write to`)] : [];

const tools: Rule = ({ toolProblem }) => (toolProblem === null ? [] : [toolProblem]);

const roles: Rule = ({ missingRoles }, target) =>
  missingRoles.length === 0 || target.missingRoles === 'create'
    ? []
    : [new AppError('restore.roles-missing', `the server lacks the roles ${missingRoles.join(', ')}`)];

/** Roles of the server are not changed: who may do what there is an operator's to decide. */
const memberships: Rule = ({ missingMemberships }) =>
  missingMemberships.map(({ member, role }) => {
    const grant = sql`GRANT ${identifier(role)} TO ${identifier(member)}`;
    const hint = `Run \`${grant.text}\` on the target as a superuser, or restore with \`privileges: drop\`.`;
    return new AppError('restore.roles-missing', `role ${member} is no member of ${role} on the server`, {}, { hint });
  });

const lacks: Rule = ({ missingExtensions, missingTablespaces, missingLocales }) => [
  ...(missingExtensions.length === 0
    ? []
    : [
        blocked(
          `the server lacks the extensions ${missingExtensions.join(', ')}`,
          'Install the packages of the named extensions on the server of the target, then ask again.',
        ),
      ]),
  ...(missingTablespaces.length === 0
    ? []
    : [
        blocked(
          `the server lacks the tablespaces ${missingTablespaces.join(', ')}`,
          'Run `CREATE TABLESPACE` for each of them on the target, or restore to a server that has none but its own.',
        ),
      ]),
  ...missingLocales.map((lack) =>
    blocked(lack, 'Restore to a server that has it, or install it there, then ask again.'),
  ),
];

/** A database keeps its encoding and locale for life: rows would be cut, counted and sorted otherwise, without an error. */
const locale: Rule = ({ otherLocale, destination: database }) =>
  otherLocale.map((difference) =>
    blocked(
      `of database "${database}" ${difference}`,
      'Restore with --strategy new, which creates a database like the one that was backed up.',
    ),
  );

const rights: Rule = ({ missingRights }) =>
  missingRights.map(({ message, hint }) => new AppError('postgres.permission', message, {}, { hint }));

const blockers: Rule = (found) =>
  found.blockers.map(({ object, dependent }) =>
    blocked(
      `${dependent} depends on ${object} and is not in the backup`,
      'Drop what the backup does not hold and make it again afterwards, or restore with --strategy new.',
    ),
  );

/** Nothing may be changed before it is dumped, and a dump that shows half of it is none. */
const safetyDump: Rule = ({ safetyProblems }) =>
  safetyProblems.map(({ code, message, context, hint }) => {
    const declined = `${hint} Or restore with --no-safety-backup: then nothing keeps the database as it is now.`;
    return new AppError(code, `the safety backup cannot be taken: ${message}`, context, { hint: declined });
  });

/** A swap exchanges whole databases: what is not chosen would be gone. */
const parts: Rule = ({ partProblems, chosen, strategy }) =>
  chosen.length > 0 && strategy === 'swap'
    ? [
        blocked(
          'a restore of parts by swap would take the rest of the database away',
          'Restore the parts with --strategy new to another database, or with --strategy in-place.',
        ),
      ]
    : partProblems;

const exchange: Rule = ({ exchangeProblems }) => exchangeProblems;

/** In the order of their weight: the first reason found gives the whole refusal its code, and with it its exit. */
const RULES: readonly Rule[] = [
  ...[...PLACE_RULES, catalog, tools],
  ...[parts, locale, roles, memberships, lacks, rights, blockers, exchange, safetyDump],
];

/** Every reason for which the restore does not go ahead: the plan shows this list, and the run throws it. */
export const decideRefusals = (found: Findings, target: PostgresTarget): AppError[] =>
  RULES.flatMap((rule) => rule(found, target));

/** Why nothing at all could be restored to the place now. */
export const decidePlaceRefusals = (found: PlaceFindings): AppError[] => PLACE_RULES.flatMap((rule) => rule(found));

export const toBusyError = (database: string, context: { readonly runId?: string } = {}): AppError =>
  new AppError('restore.busy', `another restore is writing to database "${database}"`, { database, ...context });

function blocked(message: string, hint?: string): AppError {
  return new AppError('restore.blocked', message, {}, hint === undefined ? {} : { hint });
}
