import { commitForStoppedGroup, type PartitionCommit, readAllCommitted } from '#common/bus/kafka-groups.js';
import type { OpenKafka } from '#common/engines/kafka/kafka-dataset.js';
import type { TopicsFacts } from '#common/engines/kafka/topics-facts.js';
import { AppError } from '#common/errors/app-error.js';
import type { RestoredNames } from './destination.js';

/** From the name of a topic in the backup and a partition to the offset of the first record that was restored there. */
export type BaseOf = (topic: string, partition: number) => bigint;

/** Where every group of the backup stands in what was restored. */
export function toRestoredCommits(
  { groups }: TopicsFacts,
  names: RestoredNames,
  baseOf: BaseOf,
): { readonly group: string; readonly commits: readonly PartitionCommit[] }[] {
  return groups.map(({ name, offsets }) => ({
    group: names.group(name),
    commits: offsets.map(({ topic, partition, recordsBefore, metadata }) => ({
      ...{ topic: names.topic(topic), partition, metadata },
      offset: baseOf(topic, partition) + BigInt(recordsBefore),
    })),
  }));
}

/** Sets the offsets and reads them back. Throws: kafka.group-active, bus.unavailable, replay.offsets-not-moved. */
export async function restoreGroups(
  { cluster }: OpenKafka,
  restored: ReturnType<typeof toRestoredCommits>,
): Promise<void> {
  for (const { group, commits } of restored) {
    await commitForStoppedGroup(cluster, group, commits).catch((error: unknown) => {
      if (!(error instanceof AppError) || error.code !== 'replay.group-active') throw error;
      throw new AppError('kafka.group-active', error.message, { group }, { cause: error });
    });
    const found = await readAllCommitted(cluster, group);
    const differs = commits.find(({ topic, partition, offset }) =>
      found.every((each) => each.topic !== topic || each.partition !== partition || each.offset !== offset),
    );
    if (differs === undefined) continue;
    const { topic, partition, offset } = differs;
    throw new AppError('replay.offsets-not-moved', `group ${group} is not at ${offset} of ${topic}/${partition}`, {
      group,
    });
  }
}
