import { isSecretName } from '#common/engines/postgres/facts/settings.js';
import { PRINTED_ROLE as ROLE, toGlobalStatements } from '#common/engines/postgres/globals-text.js';
import { unquoteIdentifier } from '#common/pg/sql.js';

const KEPT_AS_IT_IS = /^(?:\\(?:un)?restrict |SET [a-z_]+ = )/;
const OF_ROLE = new RegExp(`^(?:CREATE ROLE|ALTER ROLE|COMMENT ON ROLE|SECURITY LABEL FOR .* ON ROLE) ${ROLE}(?:[ ;])`);
const SETTING = new RegExp(`^ALTER ROLE ${ROLE} SET ${ROLE} TO `);
const MEMBERSHIP = new RegExp(`^GRANT ${ROLE} TO ${ROLE}(?:[ ;])`);
const PARAMETER = new RegExp(`^GRANT .* ON PARAMETER .* TO ${ROLE}(?: WITH GRANT OPTION)?;$`);
const GRANTOR = new RegExp(` GRANTED BY ${ROLE};$`);

/**
 * Of `pg_dumpall --roles-only` text, what concerns the named roles and those whose members they are, however far: a server is shared, and
 * who restores one database must not change the roles of others. Values of settings whose names tell of a secret are left out. Memberships
 * that a role granted which is not among them come from the role that restores.
 * Throws: engine.output.
 */
export function toGlobalsOf(roles: readonly string[], globals: string): string {
  const statements = toGlobalStatements(globals);
  const kept = withGroups(roles, statements);
  return statements.flatMap((statement) => toKept(statement, kept)).join('\n');
}

function withGroups(roles: readonly string[], statements: readonly string[]): Set<string> {
  const memberships = statements.flatMap((statement) => {
    const [, group, member] = MEMBERSHIP.exec(statement) ?? [];
    return group && member ? [{ group: unquoteIdentifier(group), member: unquoteIdentifier(member) }] : [];
  });
  // A set is walked to the end also of what is added on the way.
  const kept = new Set(roles);
  for (const role of kept) for (const { group, member } of memberships) if (member === role) kept.add(group);
  return kept;
}

/** With its line break. What is not known, as the session authorization of a grantor, is left out. */
function toKept(statement: string, kept: ReadonlySet<string>): string[] {
  if (KEPT_AS_IT_IS.test(statement)) return [`${statement}\n`];
  const isKept = (name = ''): boolean => kept.has(unquoteIdentifier(name));
  const [, , setting] = SETTING.exec(statement) ?? [];
  const [, , member] = MEMBERSHIP.exec(statement) ?? [];
  const [, role = member] = OF_ROLE.exec(statement) ?? PARAMETER.exec(statement) ?? [];
  if (!isKept(role)) return [];
  if (setting !== undefined && isSecretName(unquoteIdentifier(setting))) return [];
  const [grantedBy = '', grantor] = GRANTOR.exec(statement) ?? [];
  return [grantor === undefined || isKept(grantor) ? `${statement}\n` : `${statement.slice(0, -grantedBy.length)};\n`];
}
