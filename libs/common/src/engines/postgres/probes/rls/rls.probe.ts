import { z } from 'zod';
import { readObjects } from '#common/engines/postgres/facts/objects.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';
import type { PgProbeContext } from '#common/engines/postgres/probes/pg-probe.js';
import { definePgProbe } from '#common/engines/postgres/probes/pg-probe.js';
import { withSession } from '#common/engines/postgres/probes/probe-session.js';
import { readGuardedTables, readRestored } from '#common/engines/postgres/probes/restored-facts.js';
import { compareRights, pairObjects, toSubject } from '#common/engines/postgres/probes/schema/compare-objects.js';
import { listTenantTables } from '#common/engines/postgres/tenants/relations.js';
import type { TenantApplication, TenantTables } from '#common/engines/postgres/tenants/tenant-tables.js';
import { conclude, countOf, EvidenceLog, nothingToCompare, type ProbeFinding } from '#common/probes/evidence.js';
import { compareRls, findUnguarded, isGuarded } from './compare-rls.js';
import { type BehaviourTally, tryBehaviour } from './rls-behaviour.js';
import { SeenRecord } from './seen-record.js';

/** Tenants are as separate as before: row-level security and policies are compared with the backup, and tried out as the application's role. */
export const rlsProbe = definePgProbe({
  name: 'rls',
  summary: 'Row-level security and policies as in the backup, and tried out as a tenant',
  timeoutMs: 1_800_000,
  params: z.strictObject({
    behaviour: z
      .enum(['try', 'skip'], { error: `is try or skip; the role stands in the dataset: tenantTables.application` })
      .default('try')
      .describe(
        'Also as the application of the dataset, in transactions that are rolled back; skip: the target lacks its role',
      ),
  }),
  async check(context, { behaviour }) {
    const problems = new EvidenceLog();
    const unclear = new EvidenceLog();
    const tables = await readRestored(context, async (session) => {
      await compareCarriers(session, context, problems);
      return compareTables(session, context, problems);
    });
    const notes: string[] = [];
    const application = behaviour === 'try' ? context.tenantTables?.application : undefined;
    if (tables === 0 && application === undefined && problems.total === 0) {
      return nothingToCompare('no table of the backup has row-level security, and none is declared a tenant table');
    }
    if (context.tenantTables !== undefined && application !== undefined) {
      const { tally, record } = await behave(context, context.tenantTables, application);
      problems.include(tally.problems);
      unclear.include(tally.unclear);
      unclear.add(...toSilence(tally));
      notes.push(toBehaviourNote(tally), ...toRecordNotes(tally, record));
    }
    return conclude({ looked: `${countOf(tables, 'table')} with row-level security`, problems, unclear, notes });
  },
  alone: (context, { behaviour }) => checkAlone(context, behaviour === 'try'),
});

/** Tables that the dataset declares are guarded, and no tenant sees rows of another one: all that can be said without facts. */
async function checkAlone(context: PgProbeContext, tries: boolean): Promise<ProbeFinding> {
  const { tenantTables } = context;
  if (tenantTables === undefined) return nothingToCompare('the dataset names no tenant tables');
  const [problems, unclear] = [new EvidenceLog(), new EvidenceLog()];
  const { declared, guarded } = await readRestored(context, async (session) => {
    const actual = await readGuardedTables(session);
    const names = await listTenantTables(session, tenantTables.schema, tenantTables.column);
    problems.add(...findUnguarded(names, [], actual));
    return { declared: names, guarded: new Set(actual.filter(isGuarded).map(({ name }) => name)) };
  });
  const notes = ['policies were not compared: a base backup does not tell them'];
  const { application } = tenantTables;
  if (tries && application !== undefined) {
    const record = new SeenRecord(undefined, tenantTables);
    const options = { application, column: tenantTables.column, record, privileges: context.privileges, guarded };
    const tally = await withSession(context, (session) => tryBehaviour(session, options));
    problems.include(tally.problems);
    unclear.include(tally.unclear);
    unclear.add(...toSilence(tally));
    notes.push(toBehaviourNote(tally));
  }
  if (declared.length === 0 && notes.length === 1) return nothingToCompare('no table has the tenant column');
  return conclude({ looked: countOf(declared.length, 'declared tenant table'), problems, unclear, notes });
}

/** Returns how many tables have, had or should have row-level security. */
async function compareTables(session: PgSession, context: PgProbeContext, problems: EvidenceLog): Promise<number> {
  const expected = context.manifest.snapshot.tables;
  const actual = await readGuardedTables(session);
  problems.add(...compareRls(expected, actual));
  const { tenantTables } = context;
  const declared = tenantTables ? await listTenantTables(session, tenantTables.schema, tenantTables.column) : [];
  problems.add(...findUnguarded(declared, expected, actual));
  return new Set([...expected.filter(isGuarded).map(({ name }) => name), ...declared]).size;
}

/** With whose rights views and functions show rows, whatever becomes of owners. */
async function compareCarriers(session: PgSession, { manifest }: PgProbeContext, problems: EvidenceLog): Promise<void> {
  const expected = manifest.snapshot.objects;
  const actual = await readObjects(session);
  const carriers = expected.filter(({ kind }) => kind === 'view' || kind === 'function');
  for (const object of pairObjects(carriers, actual).missing) {
    problems.add({ subject: toSubject(object), problem: 'is missing' });
  }
  problems.add(...compareRights(expected, actual));
}

/** In a session of its own: the tenant's setting must be as unknown to it as to a fresh connection of the application. */
function behave(context: PgProbeContext, tenantTables: TenantTables, application: TenantApplication) {
  const { tables, tenants } = context.manifest.snapshot;
  const guarded = new Set(tables.filter(isGuarded).map(({ name }) => name));
  const record = new SeenRecord(tenants, tenantTables);
  const options = { application, column: tenantTables.column, record, privileges: context.privileges, guarded };
  return withSession(context, async (session) => ({ tally: await tryBehaviour(session, options), record }));
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

function toRecordNotes({ relations }: BehaviourTally, record: SeenRecord): string[] {
  const open = record.openBefore();
  return [
    ...record.notes(relations.map(({ label }) => label)),
    ...(open.length > 0 ? [`rows of other tenants were visible already in the backup through ${open.join(', ')}`] : []),
  ];
}
