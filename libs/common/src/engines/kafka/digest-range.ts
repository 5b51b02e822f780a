import type { KafkaCluster } from '#common/bus/kafka-cluster.js';
import type { Range } from '#common/bus/records/log-slice.js';
import { readBatches } from '#common/bus/records/read-batches.js';
import { RecordDigest } from './record-digest.js';

/** What a range of a partition holds; `links` cut it into stretches that have digests of their own. Throws: bus.unavailable, bus.damaged. */
export async function digestRange(
  cluster: KafkaCluster,
  range: Range & { readonly links?: readonly { readonly records: number }[] | undefined },
  signal: AbortSignal,
): Promise<RecordDigest> {
  const digest = new RecordDigest(range.fromOffset, [], range.links);
  for await (const { batches } of readBatches(cluster, range, { signal }))
    for (const batch of batches) digest.add(batch);
  return digest;
}
