import type { SnapshotFacts } from '#common/contracts/snapshot-facts.js';
import type { Evidence } from '#common/domain/verdict.js';
import { readExemptMembers, readMemberships } from '#common/engines/postgres/facts/memberships.js';
import { readDatabase } from '#common/engines/postgres/facts/server.js';
import { readSettings } from '#common/engines/postgres/facts/settings.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';
import { toPrivilegeProblem } from '#common/engines/postgres/probes/schema/compare-objects.js';
import { compareMemberships } from './compare-memberships.js';
import { compareSettings, toWithheldNotes } from './compare-settings.js';

/** What roles may do beyond single objects, where owners and privileges came back: the database's own rights, settings, memberships. */
export async function compareDatabaseRights(
  session: PgSession,
  { databaseOwner, databasePrivileges, settings, memberships, roles }: SnapshotFacts,
): Promise<{ problems: readonly Evidence[]; notes: readonly string[] }> {
  const actual = await readDatabase(session);
  const ofRoles = compareSettings(settings, await readSettings(session, []), 'roles');
  const problems: Evidence[] = [...ofRoles.problems];
  if (actual.databaseOwner !== databaseOwner) {
    const owners = { expected: databaseOwner, actual: actual.databaseOwner };
    problems.push({ subject: 'the database', ...owners, problem: 'the owner changed' });
  }
  if (databasePrivileges !== undefined) {
    const [before, after] = [databasePrivileges, actual.databasePrivileges ?? []];
    const problem = toPrivilegeProblem(before, after);
    if (problem !== undefined) problems.push({ subject: 'the database', expected: before, actual: after, problem });
  }
  if (memberships !== undefined) {
    const found = await readMemberships(session, roles);
    const exempt = await readExemptMembers(session);
    problems.push(...compareMemberships(memberships, found, { roles, exempt }));
  }
  const notes = memberships === undefined ? ['memberships not compared: the backup is older than their facts'] : [];
  return { problems, notes: [...notes, ...toWithheldNotes(ofRoles)] };
}
