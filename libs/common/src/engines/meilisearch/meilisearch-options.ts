import { z } from 'zod';
import { RebuiltPart } from '#common/contracts/names.js';
import type { Json, JsonObject } from '#common/domain/json.js';
import type { ProtectedDataset, RestoreTarget } from '#common/engines/engine.js';
import { defineOptions } from '#common/engines/options.js';
import { PostgresUrl } from '#common/pg/url-schema.js';
import type { MeilisearchDataset, MeilisearchTarget, RebuildSource } from './meilisearch-dataset.js';

const Url = z.url({ protocol: /^https?$/, error: 'must look like http://host:7700' }).describe('Of the server');
const ApiKey = z
  .string()
  .min(1)
  .optional()
  .describe('By an env or file reference; default: none, for a server without a master key');

const IndexPattern = z
  .string()
  .regex(/^[a-zA-Z0-9_*-]{1,400}$/)
  .describe('A name, or a pattern with * for any run of characters');

const RebuildOptions = z.strictObject({
  url: PostgresUrl.describe('Of the database, as a role that sees every row'),
  query: z
    .string()
    .min(1)
    .describe(
      'SELECT of which each row is a document: name its columns as the fields are called, "priceCents" in quotes',
    ),
  primaryKey: z.string().min(1).default('id').describe('The column that identifies a document'),
  settings: z
    .record(z.string(), z.json())
    .optional()
    .describe('Of the index, as the API of Meilisearch takes them; default: those of the index that is replaced'),
});

const DatasetOptions = z.object({
  url: Url,
  apiKey: ApiKey,
  include: z.array(IndexPattern).min(1).default(['*']).describe('The indexes that are protected'),
  exclude: z.array(IndexPattern).default([]).describe('Of these, those that are not'),
  dumpDirectory: z.string().optional().describe('`--dump-dir` of the server as this machine reads it, for method dump'),
  snapshotDirectory: z
    .string()
    .optional()
    .describe('`--snapshot-dir` of the server as this machine reads it, for method snapshot'),
  rebuild: z
    .record(RebuiltPart, RebuildOptions)
    .default({})
    .describe('By index: of which rows of a PostgreSQL database it can be made anew'),
});

/** What holdfast.yaml says of indexes to protect. */
export const meilisearchDataset = defineOptions(
  DatasetOptions,
  (
    common: ProtectedDataset,
    { url, apiKey, include, exclude, rebuild, dumpDirectory, snapshotDirectory },
  ): MeilisearchDataset => ({
    ...{ ...common, include, exclude, prefix: '', connection: { url, apiKey } },
    directories: { dump: dumpDirectory, snapshot: snapshotDirectory },
    rebuild: toSources(rebuild),
  }),
);

const toSources = (
  rebuild: Readonly<Record<string, z.output<typeof RebuildOptions>>>,
): Readonly<Record<string, RebuildSource>> =>
  Object.fromEntries(
    Object.entries(rebuild).map(([index, { settings, ...source }]) => [
      index,
      { ...source, settings: settings as JsonObject | undefined },
    ]),
  );

const Secret: z.ZodType<Json> = z.union([z.string(), z.record(z.string(), z.string())]);

const TargetOptions = z.object({
  url: Url,
  apiKey: ApiKey,
  directory: z
    .string()
    .optional()
    .describe('For strategy files: where a server finds a dump or a snapshot to start from'),
  embedderSecrets: z
    .record(z.string(), z.record(z.string(), z.record(z.string(), Secret)))
    .default({})
    .describe(
      'By index as it is called in the backup, then by embedder: `apiKey` and `headers`, by env or file references. No backup holds them',
    ),
});

/** What holdfast.yaml says of a server to restore to. */
export const meilisearchTarget = defineOptions(
  TargetOptions,
  ({ name }: RestoreTarget, { url, apiKey, embedderSecrets, directory }): MeilisearchTarget => ({
    ...{ name, connection: { url, apiKey }, embedderSecrets, directory },
  }),
);
