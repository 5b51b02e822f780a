import type { MembershipFacts } from '#common/contracts/snapshot-facts.js';
import type { Evidence } from '#common/domain/verdict.js';

/** A role that became a member of another one may do what that one may: owners are bound by no policy that is not forced. */
export function compareMemberships(
  expected: readonly MembershipFacts[],
  actual: readonly MembershipFacts[],
  { roles, exempt }: { readonly roles: readonly string[]; readonly exempt: ReadonlySet<string> },
): Evidence[] {
  const before = new Map(expected.map((membership) => [toSubject(membership), membership]));
  const after = new Set(actual.map(toSubject));
  const gained = actual
    .filter(({ member }) => !exempt.has(member))
    .flatMap((membership): Evidence[] => {
      const known = before.get(toSubject(membership));
      const subject = toSubject(membership);
      if (known === undefined) return [{ subject, problem: 'the membership is not in the backup' }];
      return membership.admin && !known.admin ? [{ subject, problem: 'may now be passed on (ADMIN OPTION)' }] : [];
    });
  const lost = expected
    // Those of predefined roles and superusers do not come back, and neither do roles that nothing refers to.
    .filter((membership) => !membership.isWithheld && roles.includes(membership.role))
    .filter((membership) => !after.has(toSubject(membership)))
    .map((membership) => ({ subject: toSubject(membership), problem: 'the membership is missing' }));
  return [...gained, ...lost];
}

const toSubject = ({ member, role }: MembershipFacts): string => `role ${member} as member of ${role}`;
