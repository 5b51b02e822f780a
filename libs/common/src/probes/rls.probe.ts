import { readObjects } from '#common/engines/postgres/facts/facts-objects.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';
import { AppError } from '#common/errors/app-error.js';
import { compareDatabaseRights } from './compare-database-rights.js';
import {
  compareDefaultPrivileges,
  compareOwners,
  comparePrivileges,
  compareRights,
  isGivenToOwner,
  pairObjects,
  toSubject,
} from './compare-objects.js';
import { compareRls, findUnguarded, isGuarded } from './compare-rls.js';
import { defineProbe } from './define-probe.js';
import { conclude, countOf, EvidenceLog, nothingToCompare } from './evidence.js';
import type { ProbeContext } from './probe-context.js';
import { withSession } from './probe-session.js';
import { readGuardedTables, readRestored } from './restored-facts.js';
import { type BehaviourTally, tryBehaviour } from './rls-behaviour.js';
import { RlsParams } from './rls-params.js';
import { listTenantTables } from './tenant-relations.js';

/**
 * Tenants are as separate as before: row-level security, policies, owners and privileges are compared with the backup, and tried
 * out as the application's role.
 */
export const rlsProbe = defineProbe({
  name: 'rls',
  summary: 'Row-level security, owners and privileges as in the backup, and tried out as a tenant',
  timeoutMs: 1_800_000,
  params: RlsParams,
  async check(context, params) {
    const problems = new EvidenceLog();
    const unclear = new EvidenceLog();
    const { tables, found } = await readRestored(context, async (session) => ({
      tables: await compareTables(session, context, problems),
      found: await compareGrants(session, { context, params, problems }),
    }));
    const notes = [...found];
    if (tables === 0 && params.behaviour === undefined && problems.total === 0) {
      return nothingToCompare('no table of the backup has row-level security, and none is declared a tenant table');
    }
    if (params.behaviour !== undefined) {
      const tally = await behave(context, params.behaviour);
      problems.include(tally.problems);
      unclear.include(tally.unclear);
      unclear.add(...toSilence(tally));
      notes.push(toBehaviourNote(tally));
    }
    return conclude({ looked: `${countOf(tables, 'table')} with row-level security`, problems, unclear, notes });
  },
});

/** Returns how many tables have, had or should have row-level security. */
async function compareTables(session: PgSession, context: ProbeContext, problems: EvidenceLog): Promise<number> {
  const expected = context.manifest.snapshot.tables;
  const actual = await readGuardedTables(session);
  problems.add(...compareRls(expected, actual));
  const { tenantTables } = context;
  const declared = tenantTables ? await listTenantTables(session, tenantTables.schema, tenantTables.column) : [];
  problems.add(...findUnguarded(declared, expected, actual));
  return new Set([...expected.filter(isGuarded).map(({ name }) => name), ...declared]).size;
}

interface GrantComparison {
  readonly context: ProbeContext;
  readonly params: RlsParams;
  readonly problems: EvidenceLog;
}

/** Returns what of owners and privileges could be compared. */
async function compareGrants(
  session: PgSession,
  { context, params, problems }: GrantComparison,
): Promise<readonly string[]> {
  const expected = context.manifest.snapshot.objects;
  const actual = await readObjects(session);
  const carriers = expected.filter(({ kind }) => kind === 'view' || kind === 'function');
  for (const object of pairObjects(carriers, actual).missing) {
    problems.add({ subject: toSubject(object), problem: 'is missing' });
  }
  problems.add(...compareRights(expected, actual));
  const privileges = params.privileges ?? context.privileges;
  if (privileges === 'keep') {
    problems.add(...compareOwners(expected, actual), ...comparePrivileges(expected, actual));
    problems.add(...compareDefaultPrivileges(expected, actual));
    const rights = await compareDatabaseRights(session, context.manifest.snapshot);
    problems.add(...rights.problems);
    return [`owners and privileges of ${countOf(expected.length, 'object')} compared`, ...rights.notes];
  }
  const owner = params.owner ?? context.owner;
  if (owner === undefined) return ['owners and privileges not compared: the target drops them'];
  problems.add(...compareOwners(expected.filter(isGivenToOwner), actual, owner));
  return [`privileges not compared: the target drops them; everything should belong to ${owner}`];
}

/** In a session of its own: the tenant's setting must be as unknown to it as to a fresh connection of the application. */
function behave(context: ProbeContext, behaviour: NonNullable<RlsParams['behaviour']>): Promise<BehaviourTally> {
  const column = behaviour.column ?? context.tenantTables?.column;
  if (column === undefined) {
    throw new AppError('config.invalid', 'rls.behaviour needs a column, or tenantTables in the dataset');
  }
  const guarded = new Set(context.manifest.snapshot.tables.filter(isGuarded).map(({ name }) => name));
  return withSession(context, (session) => tryBehaviour(session, behaviour, { column, guarded }));
}

/** A trial in which nothing could be seen proves nothing. */
function toSilence({ relations, unreadable, tenants, problems }: BehaviourTally) {
  if (problems.total > 0) return [];
  if (relations.length === 0) return [{ subject: 'behaviour', problem: 'no table or view has the tenant column' }];
  if (unreadable.size === relations.length)
    return [{ subject: 'behaviour', problem: 'the role may read none of them' }];
  return tenants.length < 2 ? [{ subject: 'behaviour', problem: 'there are not two tenants with rows' }] : [];
}

function toBehaviourNote({ trials, relations, tenants, empty, unreadable }: BehaviourTally): string {
  const parts = [
    `${countOf(trials, 'trial')} as ${countOf(tenants.length, 'tenant')} through ${countOf(relations.length, 'relation')}`,
    ...(empty.length > 0 ? [`${countOf(empty.length, 'empty table')} could show nothing`] : []),
    ...(unreadable.size > 0 ? [`${unreadable.size} not readable for the role`] : []),
  ];
  return parts.join(', ');
}
