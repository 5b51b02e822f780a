import { unquoteIdentifier } from '#common/pg/sql.js';

/** What the globals say of a role, as far as it is safe to bring back without asking: never LOGIN, SUPERUSER or BYPASSRLS. */
export interface RoleStatements {
  readonly name: string;
  readonly inherits: boolean;
  readonly memberOf: readonly string[];
  /** What the role had and does not get back: `LOGIN`, `BYPASSRLS`, `member of pg_read_all_data`. */
  readonly withheld: readonly string[];
}

/** A role that came back with less than it had. */
export interface WithheldRights {
  readonly role: string;
  readonly rights: string[];
}

const ROLE = `("(?:[^"]|"")+"|[^\\s;]+)`;
const ATTRIBUTES = new RegExp(`^ALTER ROLE ${ROLE} WITH (.*);`, 'gm');
const MEMBERSHIPS = new RegExp(`^GRANT ${ROLE} TO ${ROLE}`, 'gm');
const NEVER = ['SUPERUSER', 'CREATEROLE', 'CREATEDB', 'LOGIN', 'REPLICATION', 'BYPASSRLS'];

/** Reads the roles' attributes and memberships from `pg_dumpall --roles-only` text; a role that it does not mention inherits. */
export function toRoleStatements(globals: string, names: readonly string[]): RoleStatements[] {
  const attributes = new Map(
    [...globals.matchAll(ATTRIBUTES)].map(([, name = '', words = '']) => [unquoteIdentifier(name), words.split(' ')]),
  );
  const memberships = [...globals.matchAll(MEMBERSHIPS)].map(([, group = '', member = '']) => ({
    group: unquoteIdentifier(group),
    member: unquoteIdentifier(member),
  }));
  return names.map((name) => {
    const words = attributes.get(name) ?? [];
    const groups = memberships.filter(({ member }) => member === name).map(({ group }) => group);
    const predefined = groups.filter((group) => group.startsWith('pg_'));
    return {
      name,
      inherits: !words.includes('NOINHERIT'),
      memberOf: groups.filter((group) => !group.startsWith('pg_')),
      withheld: [...NEVER.filter((word) => words.includes(word)), ...predefined.map((group) => `member of ${group}`)],
    };
  });
}

export const toWithheldRights = (roles: readonly RoleStatements[]): WithheldRights[] =>
  roles
    .filter(({ withheld }) => withheld.length > 0)
    .map(({ name, withheld }) => ({ role: name, rights: [...withheld] }));
