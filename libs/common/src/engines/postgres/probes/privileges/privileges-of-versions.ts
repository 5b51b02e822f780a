/** Of the backup's server and of the restored one, as `server_version_num` has them. */
export interface ServerVersions {
  readonly before: number;
  readonly after: number;
}

/** Sorted `grantee=PRIVILEGE[*]/grantor`, as facts have them. */
export interface Privileges {
  readonly before: readonly string[];
  readonly after: readonly string[];
}

interface NewerPrivilege {
  readonly privilege: string;
  readonly since: number;
  /** With these, a role of an older version had all there were. */
  readonly all: readonly string[];
}

const NEWER: readonly NewerPrivilege[] = [
  {
    privilege: 'MAINTAIN',
    since: 170_000,
    all: ['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER'],
  },
];

/**
 * Leaves out what a version of PostgreSQL gives or lacks by itself. To a newer server pg_dump writes `GRANT ALL` for a role that had all
 * privileges of its version, all of them with or all without the right to pass them on; ALL then includes what is new. An older server
 * does not know the privilege.
 * Source: PostgreSQL, src/bin/pg_dump/dumputils.c, parseAclItem.
 */
export function withoutVersions({ before, after }: Privileges, versions: ServerVersions): Privileges {
  const lacks = (num: number) => NEWER.filter(({ since }) => num < since);
  const isUnknown = (text: string): boolean => lacks(versions.after).some((newer) => parse(text, newer) !== undefined);
  const isGiven = (text: string): boolean => lacks(versions.before).some((newer) => hadAll(text, newer, before));
  return { before: before.filter((text) => !isUnknown(text)), after: after.filter((text) => !isGiven(text)) };
}

function hadAll(text: string, newer: NewerPrivilege, before: readonly string[]): boolean {
  const found = parse(text, newer);
  if (found === undefined) return false;
  return newer.all.every((each) => before.includes(`${found.grantee}=${each}${found.option}/${found.grantor}`));
}

function parse(text: string, { privilege }: NewerPrivilege) {
  const [, grantee, option = '', grantor = ''] = new RegExp(`^(.*)=${privilege}(\\*?)/(.*)$`, 's').exec(text) ?? [];
  return grantee === undefined ? undefined : { grantee, option, grantor };
}
