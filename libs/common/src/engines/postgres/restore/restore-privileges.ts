import { quoteIdentifier, quoteRole } from './restore-sql.js';

/** One `grantee=PRIVILEGE[*]/grantor` of the facts. */
interface Privilege {
  readonly grantee: string;
  readonly privilege: string;
  readonly isGrantable: boolean;
  readonly grantor: string;
}

const PRIVILEGE = /^(.*)=([A-Z ]+)(\*?)\/(.*)$/s;

function toPrivilege(text: string): Privilege[] {
  const [, grantee, privilege, star, grantor] = PRIVILEGE.exec(text) ?? [];
  if (grantee === undefined || privilege === undefined || grantor === undefined) return [];
  return [{ grantee, privilege, isGrantable: star === '*', grantor }];
}

export interface PrivilegeChange {
  /** `DATABASE "shop"`, `SCHEMA "public"`. */
  readonly on: string;
  readonly owner: string;
  /** As they are; what the owner and everybody have by default is taken away in any case. */
  readonly present: readonly string[];
  readonly wanted: readonly string[];
}

/** Makes the privileges on one object those that are wanted, and no others: what was granted since is taken back. */
export function toPrivilegeStatements({ on, owner, present, wanted }: PrivilegeChange): string[] {
  const grantees = new Set(['public', owner, ...present.flatMap(toPrivilege).map(({ grantee }) => grantee)]);
  const grants = wanted.flatMap(toPrivilege);
  // The owner's own grants come first: others can only pass on what they were given.
  const ordered = [
    ...grants.filter(({ grantor }) => grantor === owner),
    ...grants.filter(({ grantor }) => grantor !== owner),
  ];
  return [
    ...[...grantees].map((grantee) => `REVOKE ALL ON ${on} FROM ${quoteRole(grantee)} CASCADE`),
    ...ordered.flatMap((grant) => toGrant(on, owner, grant)),
  ];
}

function toGrant(on: string, owner: string, { grantee, privilege, isGrantable, grantor }: Privilege): string[] {
  const grant = `GRANT ${privilege} ON ${on} TO ${quoteRole(grantee)}${isGrantable ? ' WITH GRANT OPTION' : ''}`;
  return grantor === owner ? [grant] : [`SET ROLE ${quoteIdentifier(grantor)}`, grant, 'RESET ROLE'];
}
