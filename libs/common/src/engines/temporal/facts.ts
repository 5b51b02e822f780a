import { z } from 'zod';
import { SnapshotFacts } from '#common/contracts/snapshot-facts.js';

const ClusterFacts = z.object({
  name: z.string(),
  id: z.string(),
  historyShardCount: z
    .int()
    .describe('`numHistoryShards`: a server goes by this number whatever it is configured with'),
});
export type ClusterFacts = z.infer<typeof ClusterFacts>;

const NamespaceFacts = z.object({
  id: z.string(),
  name: z.string(),
  openExecutions: z.int().describe('In the main store'),
  listedOpen: z.int().describe('In the visibility store'),
});
export type NamespaceFacts = z.infer<typeof NamespaceFacts>;

/** What the databases of a Temporal held, each in the snapshot of its own dump. */
export const TemporalFacts = z.object({
  main: SnapshotFacts,
  visibility: SnapshotFacts,
  skewMs: z
    .number()
    .describe('From the snapshot of the visibility store to that of the main store, by the clocks of their servers'),
  schemaVersions: z.object({ main: z.string(), visibility: z.string() }),
  clusters: z.array(ClusterFacts).describe('The own one, and those that are connected to it'),
  namespaces: z.array(NamespaceFacts).describe('Sorted by name'),
});
export type TemporalFacts = z.infer<typeof TemporalFacts>;
