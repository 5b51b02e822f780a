import { z } from 'zod';
import { DatasetName, RepositoryName, RestoreStrategy } from '#common/contracts/names.js';
import type { Engine, TargetKind } from '#common/engines/engine.js';
import { engines, targetKinds } from '#common/engines/engines.js';
import { DatasetTopic } from './connections.config.js';
import { Duration, RetentionConfig } from './retention.config.js';

/** What every dataset says; the engine of its kind adds its own options. */
const DatasetBase = z.object({
  repositories: z
    .array(RepositoryName)
    .length(1, 'name exactly one repository: further copies are not made yet')
    .describe('Where its backups go'),
  topics: z.array(DatasetTopic).default([]),
  compression: z
    .strictObject({ level: z.int().min(1).max(19).default(3), threads: z.int().min(1).max(16).default(2) })
    .prefault({}),
  retention: RetentionConfig.optional().describe('Here or on one schedule of the dataset; default: everything is kept'),
  objectives: z
    .strictObject({
      rto: Duration.optional().describe('How long a restore with its proof may take, 1h'),
      rpo: Duration.optional().describe('How old the newest moment that can be restored may be, 26h'),
    })
    .optional()
    .describe('What drills are held against'),
});

const DestinationPattern = z
  .string()
  .min(1)
  .max(1_024)
  .describe('A database, prefix, index or topic, * for any run of characters');

/** What every target says. */
const TargetBase = z.object({
  accepts: z.strictObject({
    datasets: z.array(DatasetName).min(1),
    strategies: z.array(RestoreStrategy).min(1).default(['new']),
    destinations: z.array(DestinationPattern).min(1),
    drills: z
      .boolean()
      .default(false)
      .describe(
        'Whether drills may restore here, into destinations of their own which they remove: never a target that serves people',
      ),
  }),
});

interface Kind {
  readonly kind: string;
}

/** Which options there are beside these depends on the kind; its engine reads them. */
export type DatasetConfig = z.output<typeof DatasetBase> & Kind & Readonly<Record<string, unknown>>;
export type TargetConfig = z.output<typeof TargetBase> & Kind & Readonly<Record<string, unknown>>;

type Input<Base extends z.ZodObject> = z.input<Base> & Kind & Readonly<Record<string, unknown>>;

function byKind<K extends Kind>(
  base: z.ZodObject,
  kinds: readonly [K, ...K[]],
  optionsOf: (kind: K) => z.ZodObject,
): z.ZodType {
  const ofKind = (kind: K) => z.strictObject({ kind: z.literal(kind.kind), ...optionsOf(kind).shape, ...base.shape });
  const [first, ...rest] = kinds;
  return z.discriminatedUnion('kind', [ofKind(first), ...rest.map(ofKind)]);
}

export const DatasetConfig = byKind<Engine>(DatasetBase, engines, ({ dataset }) => dataset.schema) as z.ZodType<
  DatasetConfig,
  Input<typeof DatasetBase>
>;
export const TargetConfig = byKind<TargetKind>(TargetBase, targetKinds, ({ target }) => target.schema) as z.ZodType<
  TargetConfig,
  Input<typeof TargetBase>
>;
