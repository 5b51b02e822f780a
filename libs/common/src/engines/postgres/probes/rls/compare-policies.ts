import type { PolicyFacts } from '#common/contracts/snapshot-facts.js';
import type { Json } from '#common/domain/json.js';
import type { Evidence } from '#common/domain/verdict.js';
import { isAlwaysTrue, type PolicyMeaning, toMeaning } from './policy-meaning.js';

/** Differences by meaning: a policy that was only renamed or re-created is none. */
export function comparePolicies(
  table: string,
  expected: readonly PolicyFacts[],
  actual: readonly PolicyFacts[],
): Evidence[] {
  const [missing, extra] = withoutPairs(expected, actual);
  const changed = missing.filter((policy) => extra.some(({ name }) => name === policy.name));
  const isChanged = ({ name }: PolicyFacts): boolean => changed.some((policy) => policy.name === name);
  return [
    ...changed.flatMap((policy) => {
      const other = extra.find(({ name }) => name === policy.name);
      return other === undefined
        ? []
        : describeChange(`${table} policy ${policy.name}`, toMeaning(policy), toMeaning(other));
    }),
    ...missing.filter((policy) => !isChanged(policy)).map((policy) => describeMissing(table, policy)),
    ...extra.filter((policy) => !isChanged(policy)).map((policy) => describeExtra(table, policy)),
  ];
}

/** Both lists without the policies that have a partner of the same meaning in the other. */
function withoutPairs(
  expected: readonly PolicyFacts[],
  actual: readonly PolicyFacts[],
): [PolicyFacts[], PolicyFacts[]] {
  const extra = [...actual];
  const missing = expected.filter((policy) => {
    const meaning = keyOf(policy);
    const partner = extra.findIndex((other) => keyOf(other) === meaning);
    if (partner >= 0) extra.splice(partner, 1);
    return partner < 0;
  });
  return [missing, extra];
}

const keyOf = (policy: PolicyFacts): string => JSON.stringify(toMeaning(policy));

function describeChange(subject: string, expected: PolicyMeaning, actual: PolicyMeaning): Evidence[] {
  const differences: Evidence[] = [];
  const compare = (what: string, before: Json, after: Json): void => {
    if (JSON.stringify(before) === JSON.stringify(after)) return;
    differences.push({ subject, expected: before, actual: after, problem: `${what} differs` });
  };
  compare('the command', expected.command, actual.command);
  compare('the role list', expected.roles, actual.roles);
  compare('the kind', toKind(expected.permissive), toKind(actual.permissive));
  if (expected.using !== actual.using && isAlwaysTrue(actual.using)) {
    differences.push({
      subject,
      expected: expected.using,
      actual: actual.using,
      problem: `was loosened to USING (true): every row is visible to ${actual.roles.join(', ')}`,
    });
  } else compare('the USING expression', expected.using, actual.using);
  // A check that only follows a changed USING is the same finding.
  const isFollowing = expected.check === expected.using && actual.check === actual.using;
  if (!isFollowing && expected.check !== actual.check && isAlwaysTrue(actual.check)) {
    differences.push({
      subject,
      expected: expected.check,
      actual: actual.check,
      problem: `was loosened to WITH CHECK (true): ${actual.roles.join(', ')} can write rows of every tenant`,
    });
  } else if (!isFollowing) compare('the WITH CHECK expression', expected.check, actual.check);
  return differences;
}

const toKind = (permissive: boolean): string => (permissive ? 'permissive' : 'restrictive');

function describeMissing(table: string, policy: PolicyFacts): Evidence {
  const subject = `${table} policy ${policy.name}`;
  return { subject, expected: { ...toMeaning(policy) }, problem: 'the policy is missing' };
}

function describeExtra(table: string, policy: PolicyFacts): Evidence {
  const { using } = toMeaning(policy);
  const effect = policy.permissive ? 'widens what is visible' : 'narrows what is visible';
  const opens = policy.permissive && isAlwaysTrue(using) ? ' to every row: USING (true)' : '';
  return {
    subject: `${table} policy ${policy.name}`,
    actual: { ...toMeaning(policy) },
    problem: `the policy is not in the backup and ${effect}${opens}`,
  };
}
