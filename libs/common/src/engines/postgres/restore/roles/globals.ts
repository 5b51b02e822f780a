import { PRINTED_ROLE as ROLE, toGlobalStatements } from '#common/engines/postgres/globals-text.js';
import { unquoteIdentifier, unquoteLiteral } from '#common/pg/sql.js';

/** As the backup's server had it. Undefined: a server before 16, where the member's own INHERIT counts. */
export interface RoleMembership {
  readonly group: string;
  readonly inherits: boolean | undefined;
  /** Whether the member may SET ROLE. */
  readonly sets: boolean;
}

/** What the globals say of a role, as far as it is safe to bring back without asking: never LOGIN, SUPERUSER or BYPASSRLS. */
export interface RoleStatements {
  readonly name: string;
  readonly inherits: boolean;
  readonly connectionLimit: number | undefined;
  readonly validUntil: string | undefined;
  readonly comment: string | undefined;
  readonly memberOf: readonly RoleMembership[];
  /** What the role had and does not get back: `LOGIN`, `BYPASSRLS`, `member of pg_read_all_data`. */
  readonly withheld: readonly string[];
}

const LITERAL = `(E?'(?:[^']|'')*')`;
const ATTRIBUTES = new RegExp(`^ALTER ROLE ${ROLE} WITH (.*);$`);
const LIMIT = / CONNECTION LIMIT (-?\d+)/;
const VALID_UNTIL = new RegExp(` VALID UNTIL ${LITERAL}`);
const COMMENT = new RegExp(`^COMMENT ON ROLE ${ROLE} IS ${LITERAL};$`, 's');
const MEMBERSHIP = new RegExp(`^GRANT ${ROLE} TO ${ROLE}(.*);$`);
const PARAMETER = new RegExp(`^GRANT (.*) ON PARAMETER (.*) TO ${ROLE}(?: WITH GRANT OPTION)?(?: GRANTED BY .*)?;$`);
const NEVER = ['SUPERUSER', 'CREATEROLE', 'CREATEDB', 'LOGIN', 'REPLICATION', 'BYPASSRLS'];

/**
 * What a server of a version can give back to the named roles, by `pg_dumpall --roles-only` text; a role that it does not mention inherits.
 * Throws: engine.output.
 */
export function toRoleStatements(globals: string, names: readonly string[], serverMajor: number): RoleStatements[] {
  const statements = toGlobalStatements(globals);
  return names.map((name) => {
    const found = (pattern: RegExp, role: number): string[][] =>
      statements.flatMap((statement) => {
        const groups = pattern.exec(statement);
        return groups !== null && unquoteIdentifier(groups[role] ?? '') === name ? [[...groups]] : [];
      });
    const [, , attributes = ''] = found(ATTRIBUTES, 1)[0] ?? [];
    const words = attributes.split(' ');
    const [, limit] = LIMIT.exec(attributes) ?? [];
    const [, until] = VALID_UNTIL.exec(attributes) ?? [];
    const [, , comment] = found(COMMENT, 1)[0] ?? [];
    const memberships = found(MEMBERSHIP, 2).map(([, group = '', , options = '']) => toMembership(group, options));
    return {
      ...{ name, inherits: !words.includes('NOINHERIT') },
      connectionLimit: limit === undefined ? undefined : Number(limit),
      validUntil: until === undefined ? undefined : unquoteLiteral(until),
      comment: comment === undefined ? undefined : unquoteLiteral(comment),
      memberOf: memberships.filter((membership) => findObstacle(membership, serverMajor) === undefined),
      withheld: [
        ...NEVER.filter((word) => words.includes(word)),
        ...memberships.flatMap((membership) => toWithheld(membership, serverMajor)),
        ...found(PARAMETER, 3).map(([, rights = '', parameter = '']) => `${rights} on parameter ${parameter}`),
      ],
    };
  });
}

interface FullMembership extends RoleMembership {
  readonly isAdmin: boolean;
}

function toMembership(group: string, options: string): FullMembership {
  const [inherit] = /INHERIT (?:TRUE|FALSE)/.exec(options) ?? [];
  return {
    group: unquoteIdentifier(group),
    inherits: inherit === undefined ? undefined : inherit === 'INHERIT TRUE',
    sets: !options.includes('SET FALSE'),
    isAdmin: options.includes('ADMIN OPTION'),
  };
}

/** Why a membership is not given back: predefined roles grant too much, and a server before 16 would make more of it than it was. */
function findObstacle({ group, inherits, sets }: RoleMembership, serverMajor: number): string | undefined {
  if (group.startsWith('pg_')) return '';
  if (serverMajor >= 16 || (inherits !== false && sets)) return undefined;
  return ` with ${[...(inherits === false ? ['INHERIT FALSE'] : []), ...(sets ? [] : ['SET FALSE'])].join(', ')}`;
}

function toWithheld(membership: FullMembership, serverMajor: number): string[] {
  const obstacle = findObstacle(membership, serverMajor);
  if (obstacle !== undefined) return [`member of ${membership.group}${obstacle}`];
  return membership.isAdmin ? [`ADMIN OPTION for ${membership.group}`] : [];
}

/** Roles that come back with less than they had, each with what it lacks: `app: LOGIN, BYPASSRLS`. */
export const toWithheldRights = (roles: readonly RoleStatements[]): string[] =>
  roles.flatMap(({ name, withheld }) => (withheld.length === 0 ? [] : [`${name}: ${withheld.join(', ')}`]));
