import { identifier, keywords, role, type Sql, sql } from '#common/pg/sql.js';

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
  readonly on: Sql;
  readonly owner: string;
  /** As they are; what the owner and `public` have by default is taken away in any case. */
  readonly present: readonly string[];
  readonly wanted: readonly string[];
}

/** Makes the privileges on one object those that are wanted, and no others: what was granted since is taken back. */
export function toPrivilegeStatements({ on, owner, present, wanted }: PrivilegeChange): Sql[] {
  const grantees = new Set(['public', owner, ...present.flatMap(toPrivilege).map(({ grantee }) => grantee)]);
  const grants = wanted.flatMap(toPrivilege);
  // The owner's own grants come first: others can only pass on what they were given.
  const ordered = [
    ...grants.filter(({ grantor }) => grantor === owner),
    ...grants.filter(({ grantor }) => grantor !== owner),
  ];
  return [
    ...[...grantees].map((grantee) => sql`REVOKE ALL ON ${on} FROM ${role(grantee)} CASCADE`),
    ...ordered.flatMap((grant) => toGrant(on, owner, grant)),
  ];
}

function toGrant(on: Sql, owner: string, { grantee, privilege, isGrantable, grantor }: Privilege): Sql[] {
  const passedOn = isGrantable ? sql` WITH GRANT OPTION` : sql``;
  const grant = sql`GRANT ${keywords(privilege)} ON ${on} TO ${role(grantee)}${passedOn}`;
  return grantor === owner ? [grant] : [sql`SET ROLE ${identifier(grantor)}`, grant, sql`RESET ROLE`];
}
