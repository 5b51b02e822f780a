import { z } from 'zod';
import { Instant, LsnText, QualifiedName } from './names.js';
import { TenantFacts } from './tenant-facts.js';

/** Everything here was read inside the dump's own snapshot, so a restore is compared with it by equality. */
export const PolicyFacts = z.object({
  name: z.string(),
  command: z.enum(['ALL', 'SELECT', 'INSERT', 'UPDATE', 'DELETE']),
  permissive: z.boolean(),
  roles: z.array(z.string()).describe('Sorted; `public` for everybody'),
  using: z.string().nullable().describe('As pg_get_expr prints it'),
  check: z.string().nullable(),
});
export type PolicyFacts = z.infer<typeof PolicyFacts>;

export const TableFacts = z.object({
  name: QualifiedName,
  rows: z.number().int().min(0),
  rowsExact: z.boolean().describe('false: an estimate, the table is above the exact-count size'),
  fingerprint: z
    .string()
    .nullable()
    .describe('Order-independent digest of the content of all columns; null where not chosen'),
  rls: z.object({ enabled: z.boolean(), forced: z.boolean(), policies: z.array(PolicyFacts) }),
});
export type TableFacts = z.infer<typeof TableFacts>;

/** One grantable object with its owner and privileges, as `aclexplode` tells them, defaults spelled out. */
export const ObjectFacts = z.object({
  kind: z.enum([
    'schema',
    'table',
    'view',
    'materialized-view',
    'sequence',
    'function',
    'procedure',
    'aggregate',
    'type',
    'foreign-table',
    'index',
    'default-privileges',
  ]),
  identity: z.string().describe('Qualified and quoted; functions with argument types'),
  owner: z.string(),
  privileges: z.array(z.string()).describe('Sorted `grantee=PRIVILEGE[*]/grantor`; of a column `PRIVILEGE(column)`'),
  securityDefiner: z.boolean().optional(),
  securityInvoker: z.boolean().optional().describe('Views only'),
});
export type ObjectFacts = z.infer<typeof ObjectFacts>;

/** Sequences follow no snapshot: read before the dump began, and again after it. */
export const SequenceFacts = z.object({
  name: QualifiedName,
  lastValue: z.string(),
  isCalled: z.boolean(),
  lastValueAtEnd: z
    .string()
    .optional()
    .describe('Set when it was used while the dump ran: the dumped value lies between lastValue and this'),
});
export const ExtensionFacts = z.object({
  name: z.string(),
  version: z.string(),
  schema: z.string(),
  comment: z.string().nullable(),
});
export const SettingFacts = z.object({
  database: z.string().nullable(),
  role: z.string().nullable(),
  setting: z
    .string()
    .describe('name=value of ALTER DATABASE/ROLE … SET; name=sha256:digest where the name tells of a secret'),
});

/** One that not every server has. Single collations have a provider of their own, whatever that of the database is. */
export const CollationFacts = z.object({
  name: z.string().describe('Qualified and quoted; in pg_catalog: found by its name on the target'),
  provider: z.enum(['libc', 'icu', 'builtin']),
  locales: z.array(z.string()).describe('By its provider: of sorting and of characters'),
});
export type CollationFacts = z.infer<typeof CollationFacts>;

export const MembershipFacts = z.object({
  member: z.string().describe('One of the roles'),
  role: z.string(),
  admin: z.boolean().describe('May pass the membership on'),
  isWithheld: z.boolean().describe('Of a superuser or a role of PostgreSQL’s own: a restore does not grant it'),
});
export type MembershipFacts = z.infer<typeof MembershipFacts>;

/** Consecutive large objects; a single one while there are few. */
export const LargeObjectFacts = z.object({
  from: z.string().describe('The number of the first'),
  to: z.string().describe('The number of the last'),
  count: z.number().int().min(1),
  numbers: z.string().describe('SHA-256 of all numbers'),
  owner: z.string().describe('Of all of them; a SHA-256 of whose is which where they differ'),
  privileges: z
    .string()
    .optional()
    .describe(
      'On all of them, as those of an object, with commas between; a SHA-256 of which on which where they differ',
    ),
  content: z.string().nullable().describe('Digest of the content of all of them; null where not chosen'),
});
export type LargeObjectFacts = z.infer<typeof LargeObjectFacts>;

export const SnapshotFacts = z.object({
  archive: z.literal('directory').optional().describe('A file for each table; absent: one file'),
  takenAt: Instant.describe('Of the statement that fixed the snapshot: what was committed before is in it'),
  lsn: LsnText.nullable().describe('pg_current_wal_lsn() just after the snapshot'),
  systemId: z.string().nullable(),
  serverVersion: z.string(),
  serverVersionNum: z.number().int(),
  database: z.string(),
  encoding: z.string(),
  collation: z.string(),
  characterType: z.string().optional().describe('LC_CTYPE'),
  localeProvider: z.enum(['libc', 'icu', 'builtin']).optional(),
  locale: z.string().nullable().optional().describe('Of the icu or builtin provider'),
  localeRules: z.string().nullable().optional().describe('ICU_RULES, beside the locale of the icu provider'),
  databaseOwner: z.string(),
  databasePrivileges: z.array(z.string()).describe('On the database itself, like those of an object'),
  databaseComment: z.string().nullable().describe('COMMENT ON DATABASE'),
  connectionLimit: z.number().int().describe('-1 is none'),
  sizeBytes: z.number().int(),
  tables: z.array(TableFacts),
  objects: z.array(ObjectFacts),
  sequences: z.array(SequenceFacts),
  extensions: z.array(ExtensionFacts),
  collations: z.array(CollationFacts).describe('That columns, types or objects need'),
  tablespaces: z.array(z.string()).describe('That tables or indexes lie in besides the default'),
  settings: z.array(SettingFacts),
  roles: z.array(z.string()).describe('Every role that an owner, privilege, policy or setting refers to'),
  unboundRoles: z.array(z.string()).optional().describe('Of them: superusers, and those with BYPASSRLS'),
  definitions: z
    .string()
    .describe('What every object is made of (contracts/definition.ts), a line of JSON each: base64 of zstd'),
  largeObjects: z.array(LargeObjectFacts),
  memberships: z.array(MembershipFacts),
  tenants: TenantFacts.optional().describe('Absent where the dataset names no application'),
  warnings: z.array(z.string()).describe('What may make a restore fail, and how to mend it while the source is there'),
  migrationHead: z.string().nullable().describe('Of the application, where the dataset says how to read it'),
});
export type SnapshotFacts = z.infer<typeof SnapshotFacts>;
