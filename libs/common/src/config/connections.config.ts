import { z } from 'zod';
import { TopicName } from '#common/contracts/names.js';
import { parseRepositoryUrl } from '#common/domain/repository-url.js';
import { readBy } from '#common/errors/read-by.js';

export const BusConfig = z.strictObject({
  brokers: z.array(z.string().regex(/^.+:\d+$/, 'must look like host:9092')).min(1),
  topicPrefix: z
    .string()
    .regex(/^[a-zA-Z0-9._-]*$/)
    .default('')
    .describe('Topic name = prefix + event type'),
  ssl: z.boolean().default(false),
  sasl: z
    .strictObject({
      mechanism: z.enum(['plain', 'scram-sha-256', 'scram-sha-512']),
      username: z.string(),
      password: z.string(),
    })
    .optional(),
  createTopics: z.boolean().default(true).describe('Create missing topics at start'),
  topicPartitions: z.int().min(1).default(3),
  topicReplication: z.int().min(1).default(1),
  directAfterMs: z
    .int()
    .min(1_000)
    .default(30_000)
    .describe('Bus down longer than this: requests are read from the outbox'),
});

const MIB = 1024 * 1024;

const RepositoryUrl = readBy((url) => parseRepositoryUrl(url, 'it')).describe(
  's3://bucket/prefix, every letter of which stands for itself, or file:///absolute/path, where %25 is a percent sign; repeated slashes and those at the ends count as one separator',
);

const RepositoryFields = z.strictObject({
  url: RepositoryUrl,
  endpoint: z.url().optional().describe('Of an S3-compatible server'),
  region: z.string().default('us-east-1'),
  accessKeyId: z
    .string()
    .optional()
    .describe('Of the credential that writes and reads; default: the identity of the machine'),
  secretAccessKey: z.string().optional(),
  delete: z
    .strictObject({ accessKeyId: z.string(), secretAccessKey: z.string() })
    .optional()
    .describe(
      'The credential of sweeps, retention and `backup delete`, where these run and nowhere else; without it the first one deletes, where the storage lets it',
    ),
  lock: z
    .strictObject({
      mode: z
        .enum(['governance', 'compliance'])
        .describe('A special right of the storage ends a governance lock early; nothing ends a compliance lock'),
    })
    .optional()
    .describe(
      'Object lock on every object of a backup, for `within` of the retention of its dataset; the bucket must have it',
    ),
  forcePathStyle: z.boolean().default(true),
  encryption: z
    .strictObject({
      recipients: z
        .array(z.string().regex(/^age1[0-9a-z]+$/, 'must be a public key of age, age1…'))
        .min(1)
        .describe(
          'Public keys of age: any of their identities opens every backup; where backups run, no identity is needed',
        ),
      identity: z
        .string()
        .optional()
        .describe('The text of an age identity file, by reference, where restores and verifications run'),
      indexIdentity: z
        .string()
        .optional()
        .describe(
          'The text of another age identity file, by reference, where backups run of kinds that share content: it opens inventories and no content, and names shared objects so that a name tells nothing of the content',
        ),
    })
    .optional()
    .describe('Backups are encrypted in the public age format; `holdfast keys generate` makes a pair of keys'),
  maxParts: z
    .int()
    .min(100)
    .max(10_000)
    .default(10_000)
    .describe('How many parts the storage takes for one object; parts double in size before their number is used up'),
  partSizeBytes: z
    .int()
    .min(5 * MIB)
    .max(1_024 * MIB)
    .default(8 * MIB)
    .describe('Of the first parts of a large object; three of them are in memory for each upload'),
});

const ONLY_S3 = ['endpoint', 'accessKeyId', 'secretAccessKey', 'delete', 'lock'] as const;

export const RepositoryConfig = RepositoryFields.superRefine((config, context) => {
  const add = (path: string[], message: string): void => context.addIssue({ code: 'custom', path, message });
  if (config.url.startsWith('file:'))
    for (const field of ONLY_S3.filter((each) => config[each] !== undefined))
      add([field], 'does not apply to a file:// repository: the rights of its directory say who may write and delete');
  if (config.delete !== undefined && config.delete.accessKeyId === config.accessKeyId)
    add(['delete', 'accessKeyId'], 'is the credential that writes: name another one, or leave `delete` out');
});

export type RepositoryConfig = z.output<typeof RepositoryConfig>;

const ReplayRules = z.strictObject({
  modes: z.array(z.enum(['reset', 'republish'])).default(['reset']),
  destinations: z.array(TopicName).default([]).describe('Topics that republish may write to'),
});

export const DatasetTopic = z.strictObject({
  name: TopicName,
  groups: z
    .array(z.string())
    .optional()
    .describe('Consumer groups that project the topic into the dataset; default: discovered'),
  commits: z
    .enum(['after-write', 'before-write'])
    .default('after-write')
    .describe('Whether groups commit offsets after or before they write; before makes positions unproven'),
  replay: ReplayRules.prefault({}),
});
