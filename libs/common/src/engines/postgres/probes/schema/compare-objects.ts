import type { ObjectFacts } from '#common/contracts/snapshot-facts.js';
import type { Evidence } from '#common/domain/verdict.js';
import {
  type ServerVersions,
  withoutVersions,
} from '#common/engines/postgres/probes/privileges/privileges-of-versions.js';
import { findExtras } from './compare-extras.js';

/** `table shop.orders`: the object of a difference. */
export const toSubject = ({ kind, identity }: Pick<ObjectFacts, 'kind' | 'identity'>): string => `${kind} ${identity}`;

/** The objects of both sides, and those that the restored side lacks. */
export function pairObjects(
  expected: readonly ObjectFacts[],
  actual: readonly ObjectFacts[],
): { pairs: [ObjectFacts, ObjectFacts][]; missing: ObjectFacts[] } {
  const found = new Map(actual.map((object) => [toSubject(object), object]));
  const pairs: [ObjectFacts, ObjectFacts][] = [];
  const missing: ObjectFacts[] = [];
  for (const object of expected) {
    const other = found.get(toSubject(object));
    if (other === undefined) missing.push(object);
    else pairs.push([object, other]);
  }
  return { pairs, missing };
}

/** With whose rights views and functions run, whatever becomes of owners. */
export function compareRights(expected: readonly ObjectFacts[], actual: readonly ObjectFacts[]): Evidence[] {
  return pairObjects(expected, actual).pairs.flatMap(([before, after]): Evidence[] => {
    const subject = toSubject(before);
    const rights: Evidence[] = [];
    if ((before.securityInvoker ?? false) !== (after.securityInvoker ?? false)) {
      rights.push({ subject, ...change(before, after, 'securityInvoker'), problem: 'security_invoker differs' });
    }
    if ((before.securityDefiner ?? false) !== (after.securityDefiner ?? false)) {
      rights.push({ subject, ...change(before, after, 'securityDefiner'), problem: 'SECURITY DEFINER differs' });
    }
    return rights;
  });
}

const change = (before: ObjectFacts, after: ObjectFacts, key: 'securityInvoker' | 'securityDefiner') => ({
  expected: before[key] ?? false,
  actual: after[key] ?? false,
});

/** Owners as before, or all the one that the target names. */
export function compareOwners(
  expected: readonly ObjectFacts[],
  actual: readonly ObjectFacts[],
  owner?: string,
): Evidence[] {
  return pairObjects(expected, actual).pairs.flatMap(([before, after]): Evidence[] => {
    const wanted = owner ?? before.owner;
    if (after.owner === wanted) return [];
    return [{ subject: toSubject(before), expected: wanted, actual: after.owner, problem: toOwnerProblem(before) }];
  });
}

/**
 * What an archive restored without owners gives to one owner. Not the schema `public`, which belongs to the owner of the database
 * and is not in the archive, and no default privileges: they go with the other privileges.
 */
export const isGivenToOwner = ({ kind, owner }: ObjectFacts): boolean =>
  kind !== 'default-privileges' && owner !== 'pg_database_owner';

/** ALTER DEFAULT PRIVILEGES is as much a privilege as any: lost or new ones are differences. */
export function compareDefaultPrivileges(expected: readonly ObjectFacts[], actual: readonly ObjectFacts[]): Evidence[] {
  const isDefault = ({ kind }: ObjectFacts): boolean => kind === 'default-privileges';
  const [before, after] = [expected.filter(isDefault), actual.filter(isDefault)];
  const lost = pairObjects(before, after).missing.map((object) => ({
    subject: toSubject(object),
    expected: object.privileges,
    problem: 'are missing',
  }));
  return [...lost, ...findExtras('object', before.map(toSubject), after.map(toSubject))];
}

/** What runs with its owner's rights shows what the owner sees: the reason why a changed owner can open a tenant's rows. */
function toOwnerProblem({ kind, securityDefiner, securityInvoker }: ObjectFacts): string {
  const isOwnerRights = securityDefiner === true || (kind === 'view' && securityInvoker !== true);
  return `the owner changed${isOwnerRights ? '; it runs with the rights of its owner' : ''}`;
}

/** Privileges as before, each lost and each gained one by name. */
export function comparePrivileges(
  expected: readonly ObjectFacts[],
  actual: readonly ObjectFacts[],
  versions: ServerVersions,
): Evidence[] {
  return pairObjects(expected, actual).pairs.flatMap(([before, after]): Evidence[] => {
    const privileges = withoutVersions({ before: before.privileges, after: after.privileges }, versions);
    const problem = toPrivilegeProblem(privileges.before, privileges.after);
    if (problem === undefined) return [];
    return [{ subject: toSubject(before), expected: before.privileges, actual: after.privileges, problem }];
  });
}

/** `privileges differ: lost …; gained …`, or undefined. */
export function toPrivilegeProblem(before: readonly string[], after: readonly string[]): string | undefined {
  const lost = before.filter((privilege) => !after.includes(privilege));
  const gained = after.filter((privilege) => !before.includes(privilege));
  if (lost.length + gained.length === 0) return undefined;
  const parts = [
    ...(lost.length > 0 ? [`lost ${lost.join(', ')}`] : []),
    ...(gained.length > 0 ? [`gained ${gained.join(', ')}`] : []),
  ];
  return `privileges differ: ${parts.join('; ')}`;
}
