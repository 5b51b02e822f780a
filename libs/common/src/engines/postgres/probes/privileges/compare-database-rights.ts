import type { SnapshotFacts } from '#common/contracts/snapshot-facts.js';
import type { Evidence } from '#common/domain/verdict.js';
import { readExemptMembers, readMemberships } from '#common/engines/postgres/facts/memberships.js';
import { readUnboundRoles } from '#common/engines/postgres/facts/roles.js';
import { readDatabase } from '#common/engines/postgres/facts/server.js';
import { readSettings } from '#common/engines/postgres/facts/settings.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';
import { toPrivilegeProblem } from '#common/engines/postgres/probes/schema/compare-objects.js';
import { compareMemberships } from './compare-memberships.js';
import { compareSettings, toWithheldNotes } from './compare-settings.js';

/** What roles may do beyond single objects, where owners and privileges came back: the database's own rights, settings, memberships. */
export async function compareDatabaseRights(
  session: PgSession,
  { databaseOwner, databasePrivileges, settings, memberships, roles, unboundRoles = roles }: SnapshotFacts,
): Promise<{ problems: readonly Evidence[]; notes: readonly string[] }> {
  const actual = await readDatabase(session);
  const ofRoles = compareSettings(settings, await readSettings(session, []), 'roles');
  const problems: Evidence[] = [...ofRoles.problems];
  if (actual.databaseOwner !== databaseOwner) {
    const owners = { expected: databaseOwner, actual: actual.databaseOwner };
    problems.push({ subject: 'the database', ...owners, problem: 'the owner changed' });
  }
  const [expected, found] = [databasePrivileges, actual.databasePrivileges];
  const problem = toPrivilegeProblem(expected, found);
  if (problem !== undefined) problems.push({ subject: 'the database', expected, actual: found, problem });
  const exempt = await readExemptMembers(session);
  problems.push(...compareMemberships(memberships, await readMemberships(session, roles), { roles, exempt }));
  for (const role of await readUnboundRoles(session, roles))
    if (!unboundRoles.includes(role))
      problems.push({ subject: `role ${role}`, problem: 'bypasses row-level security, and did not' });
  return { problems, notes: toWithheldNotes(ofRoles) };
}
