import type { AclRule } from '#common/bus/topics/acl-rules.js';
import { quoteArgument } from '#common/process/command.js';

/** The rules that are about one of these topics or groups. */
export const rulesAbout = (
  rules: readonly AclRule[],
  { topics, groups }: { readonly topics: readonly string[]; readonly groups: readonly string[] },
): AclRule[] =>
  rules.filter((rule) => {
    const names = rule.resource === 'TOPIC' ? topics : rule.resource === 'GROUP' ? groups : [];
    return names.some((name) => isAbout(rule, name));
  });

const isAbout = ({ pattern, name }: AclRule, of: string): boolean =>
  pattern === 'PREFIXED' ? of.startsWith(name) : name === '*' || name === of;

/** What the cluster lacks of these rules, each as the command that gives it. */
export function toMissingRules(wanted: readonly AclRule[], there: readonly AclRule[]): string[] {
  const known = new Set(there.map(toCommand));
  return wanted.map(toCommand).filter((command) => !known.has(command));
}

function toCommand({ resource, name, pattern, principal, host, operation, permission }: AclRule): string {
  const way = permission === 'DENY' ? 'deny' : 'allow';
  const of = `--${resource.toLowerCase()} ${quoteArgument(name)} --resource-pattern-type ${pattern.toLowerCase()}`;
  const who = `--${way}-principal ${quoteArgument(principal)} --${way}-host ${quoteArgument(host)}`;
  return `kafka-acls.sh --add ${who} --operation ${toOperation(operation)} ${of}`;
}

/** `DESCRIBE_CONFIGS` → `DescribeConfigs`, as the program takes it. */
const toOperation = (operation: string): string =>
  operation.toLowerCase().replace(/(^|_)([a-z])/g, (_, __, letter: string) => letter.toUpperCase());
