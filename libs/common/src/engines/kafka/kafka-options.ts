import { z } from 'zod';
import { TopicName } from '#common/contracts/names.js';
import type { ProtectedDataset, RestoreTarget } from '#common/engines/engine.js';
import { defineOptions } from '#common/engines/options.js';
import type { KafkaConnection, KafkaDataset, KafkaTarget } from './kafka-dataset.js';

const Brokers = z
  .array(z.string().regex(/^.+:\d+$/, 'must look like host:9092'))
  .min(1)
  .describe('Of Kafka or Redpanda');
const Ssl = z.boolean().default(false);
const Sasl = z
  .strictObject({
    mechanism: z.enum(['plain', 'scram-sha-256', 'scram-sha-512']),
    username: z.string(),
    password: z.string(),
  })
  .optional();

const TopicPattern = z
  .string()
  .regex(/^[a-zA-Z0-9._*-]{1,249}$/)
  .describe('A name, or a pattern with * for any run of characters; no topic has a * in its name');

const DatasetOptions = z.object({
  brokers: Brokers,
  ssl: Ssl,
  sasl: Sasl,
  include: z
    .array(TopicPattern)
    .min(1)
    .describe(
      'The topics that are protected; a pattern never means a topic of the broker itself, which begins with __',
    ),
  exclude: z.array(TopicPattern).default([]).describe('Of these, those that are not'),
});

/** What holdfast.yaml says of topics to protect. */
export const kafkaDataset = defineOptions(
  DatasetOptions,
  (common: ProtectedDataset, { include, exclude, ...connection }): KafkaDataset => ({
    ...common,
    include,
    exclude,
    connection: toConnection(connection),
  }),
);

const TargetOptions = z.object({
  brokers: Brokers,
  ssl: Ssl,
  sasl: Sasl,
  rename: z
    .record(TopicName, TopicName)
    .default({})
    .describe('Names of topics at the destination `renamed`, by their names in the backup; others keep theirs'),
  replicationFactor: z
    .int()
    .min(1)
    .optional()
    .describe('Of topics that a restore makes; default: that of the source, as far as there are brokers'),
});

/** What holdfast.yaml says of a cluster to restore to. */
export const kafkaTarget = defineOptions(
  TargetOptions,
  ({ name }: RestoreTarget, { rename, replicationFactor, ...connection }): KafkaTarget => ({
    ...{ name, rename, replicationFactor },
    connection: toConnection(connection),
  }),
);

interface RawConnection {
  readonly brokers: readonly string[];
  readonly ssl: boolean;
  readonly sasl?: KafkaConnection['sasl'];
}

const toConnection = ({ brokers, ssl, sasl }: RawConnection): KafkaConnection => ({ brokers, ssl, sasl });
