import { z } from 'zod';

/** A name from the configuration: it becomes part of object keys, topic keys and labels. */
const ConfiguredName = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,62}$/, 'use 1-63 of a-z, 0-9, dot, dash, underscore');

/** A name as a request may bring it: one that no configuration allows is answered as an unknown one is, not buried as unreadable. */
export const RequestedName = z
  .string()
  .max(200)
  .refine((name) => isPlainText(name), 'a name holds no control characters');

export const DatasetName = ConfiguredName.describe('A dataset as named in holdfast.yaml');
export const TargetName = ConfiguredName.describe('A restore target as named in holdfast.yaml');
export const ProfileName = ConfiguredName.describe('A verification profile as named in holdfast.yaml');
export const RepositoryName = ConfiguredName.describe('A repository as named in holdfast.yaml');
export const PlanName = ConfiguredName.describe('A recovery plan as named in holdfast.yaml');
export const PointName = ConfiguredName.describe('A recovery point as named in holdfast.yaml');
export const ScheduleName = ConfiguredName.describe('A schedule as named in holdfast.yaml');
/** Neither control characters nor half of a surrogate pair: the first of them cannot be stored in PostgreSQL, the second on no wire. */
export const isPlainText = (text: string): boolean => text.isWellFormed() && !/\p{Cc}/u.test(text);
/** What a target calls the place of a restore. Each kind has its own rule, which a request is held against when it is taken. */
export const Destination = z
  .string()
  .min(1)
  .max(1_024)
  .refine(isPlainText, 'a destination holds no control characters')
  .describe('Where on the target: a database, a prefix, an index, a topic');
/** Manifests hold positions by topic and by group: no record in JavaScript keeps an entry of this name. */
const isKey = (name: string): boolean => name !== '__proto__';
export const TopicName = z
  .string()
  .regex(/^[a-zA-Z0-9._-]{1,249}$/)
  .refine(isKey, '__proto__ cannot be kept in a manifest')
  .describe('A Kafka topic name');
export const GroupName = z
  .string()
  .min(1)
  .max(255)
  .refine(isKey, '__proto__ cannot be kept in a manifest')
  .describe('A Kafka consumer group');

export const Instant = z.iso.datetime({ offset: true }).describe('An instant with its UTC offset');
export const Uuid = z.uuid();
/** `latest`, or `latest:METHOD`. */
const LATEST = /^latest(?::([a-z][a-z0-9-]{0,30}))?$/;
export const BackupRef = z
  .union([z.uuid(), z.string().regex(LATEST)])
  .describe(
    'A backup id, or `latest` for the newest regular backup of the dataset by the first method of its kind, `latest:METHOD` by another',
  );
/** Undefined for an id. */
export function parseLatest(reference: string): { readonly method: string | undefined } | undefined {
  const match = LATEST.exec(reference);
  return match === null ? undefined : { method: match[1] };
}
/** Offsets and LSN byte counts exceed 2^53 in principle: decimal text on every wire. */
export const Offset = z
  .string()
  .regex(/^-?\d+$/)
  .describe('A Kafka offset, decimal');
export const LsnText = z
  .string()
  .regex(/^[0-9A-F]{1,8}\/[0-9A-F]{1,8}$/)
  .describe('A WAL position, 16/B374D848');
export const Sha256 = z
  .string()
  .regex(/^[0-9a-f]{64}$/)
  .describe('SHA-256, lower-case hex');
export const QualifiedName = z.string().min(3).describe('schema.table, each quoted as PostgreSQL needs it');

export const BackupMethod = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,30}$/, 'use 1-31 of a-z, 0-9, dash, a letter first')
  .describe('How the dataset is backed up; each kind has its own methods: dump, …');
export const DatasetKind = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,30}$/)
  .describe('Which kind of dataset it is of, and so which engine made it: postgres');
/** Totals, and not one entry for each thing: events carry them. */
const MAX_COUNTS = 50;
export const Counts = z
  .record(z.string().regex(/^[a-z0-9][a-z0-9 ._-]{0,62}$/), z.number().int().min(0))
  .refine((counts) => Object.keys(counts).length <= MAX_COUNTS, `counts has at most ${MAX_COUNTS} names`)
  .meta({ maxProperties: MAX_COUNTS })
  .describe('How much is in it, by names that its kind has: tables, rows; of large tables an estimate');
export const RestoreStrategy = z
  .string()
  .regex(/^[a-z][a-z-]{0,30}$/)
  .describe('How a restore treats what is there; each kind has its own: new, in-place, …');
/** Keys and the names of tables may hold anything that a request can carry, control characters too. */
export const RestoredParts = z
  .array(z.string().min(1).max(1_100))
  .min(1)
  .max(100)
  .describe(
    'What of the backup comes back, in the words of its kind: of PostgreSQL `schema.table` or `schema.*`, of a bucket a key, or what keys begin with and `*`',
  );
export const ReplayMode = z.enum(['reset', 'republish']);
export const VerdictName = z.enum(['passed', 'failed', 'inconclusive']);

export const ProblemShape = z
  .object({
    code: z.string(),
    message: z.string(),
    hint: z.string(),
    context: z.record(z.string(), z.unknown()).default({}),
  })
  .describe('Why something was refused or failed, and what to do next');

/** What a rebuild makes: an index, as the configuration calls it. */
export const RebuiltPart = z.string().regex(/^[a-zA-Z0-9_-]{1,400}$/);
