import { z } from 'zod';
import type { ProtectedDataset, RestoreTarget } from '#common/engines/engine.js';
import { defineOptions } from '#common/engines/options.js';
import { readBy } from '#common/errors/read-by.js';
import { parseRedisUrl, type RedisConnection } from './connection.js';
import type { RedisDataset, RedisTarget } from './redis-dataset.js';

const RedisUrl = readBy((url) => parseRedisUrl(url))
  .meta({ pattern: '^(redis|valkey)s?://' })
  .describe(
    'redis://user:password@host:port, rediss:// for TLS; with /3 behind it a dataset is database 3 alone; several hosts of a cluster, or Sentinels, with commas between. Keep the password in an env or file reference',
  );

const ConnectionShape = {
  url: RedisUrl,
  cluster: z.boolean().default(false).describe('The hosts are nodes of a cluster'),
  sentinel: z
    .strictObject({
      masterName: z.string().min(1).describe('What the Sentinels call the group'),
      username: z.string().optional(),
      password: z.string().optional().describe('Of the Sentinels themselves'),
    })
    .optional()
    .describe('The hosts are Sentinels'),
  tls: z
    .strictObject({
      caFile: z.string().optional().describe('The authority of the server; default: those of the system'),
      certFile: z.string().optional().describe('Of ours, where the server asks for one'),
      keyFile: z.string().optional(),
      serverName: z.string().optional().describe('What the certificate names, where that is not the host'),
    })
    .optional(),
};

const DatasetOptions = z.object({
  ...ConnectionShape,
  aofDirectory: z
    .string()
    .optional()
    .describe(
      'For method aof: where this machine reads the append-only files, `appenddirname` within the server’s `dir`',
    ),
  persistence: z
    .enum(['aof', 'save', 'both', 'none'])
    .optional()
    .describe('How the server is meant to keep its data; `holdfast check` compares'),
});

type ConnectionOptions = z.output<z.ZodObject<typeof ConnectionShape>>;

/** What holdfast.yaml says of a server to protect. */
export const redisDataset = defineOptions(
  DatasetOptions,
  (common: ProtectedDataset, options): RedisDataset => ({
    ...common,
    connection: toConnection(options),
    only: parseRedisUrl(options.url).db,
    aofDirectory: options.aofDirectory,
    persistence: options.persistence,
  }),
);

const TargetOptions = z.object({
  ...ConnectionShape,
  directory: z.string().optional().describe('For strategy files: the `dir` of the server, which is stopped'),
  copy: z
    .enum(['dump', 'commands'])
    .default('dump')
    .describe(
      'commands: values by the commands of their types, for a server that does not read the version of the backup',
    ),
});

/** What holdfast.yaml says of a server to restore to. */
export const redisTarget = defineOptions(
  TargetOptions,
  ({ name }: RestoreTarget, options): RedisTarget => ({
    ...{ name, connection: toConnection(options), directory: options.directory, copy: options.copy },
  }),
);

const toConnection = ({ url, cluster, sentinel, tls }: ConnectionOptions): RedisConnection =>
  parseRedisUrl(url, { cluster, sentinel, tls: tls && { ...NO_FILES, ...withoutUndefined(tls) } });

const NO_FILES = { caFile: undefined, certFile: undefined, keyFile: undefined, serverName: undefined };

const withoutUndefined = <T extends object>(values: T): Partial<T> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<T>;
