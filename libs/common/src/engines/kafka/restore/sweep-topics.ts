import { GroupLock } from '#common/bus/group-lock.js';
import { JOURNAL_PREFIX, listGroupNames } from '#common/bus/kafka-groups.js';
import { readLogEnds } from '#common/bus/kafka-log.js';
import { readTopicIds } from '#common/bus/topics/topic-ids.js';
import type { StateOf, Swept } from '#common/engines/engine.js';
import { type KafkaTarget, type OpenKafka, withKafka } from '#common/engines/kafka/kafka-dataset.js';
import { type AppError, toAppError } from '#common/errors/app-error.js';
import { isMadeTopic } from './made-topic.js';
import { lockName } from './restore-fence.js';
import {
  type Intention,
  type Journal,
  type JournalEntry,
  journalName,
  readRestoreJournal,
  runsOf,
  toDestinationOf,
} from './restore-journal.js';

/** Removes the topics that restores have made and never finished, once their runs are over. Throws: bus.unavailable. */
export function sweepTopics({ connection }: KafkaTarget, stateOf: StateOf): Promise<Swept> {
  return withKafka(connection, 'holdfast-sweep', async (kafka) => {
    const swept = { ended: [], removed: [] as string[], failed: [] as { what: string; error: AppError }[] };
    const names = await listGroupNames(kafka.cluster);
    for (const name of names.filter((each) => each.startsWith(JOURNAL_PREFIX) && !each.endsWith(':lock'))) {
      try {
        swept.removed.push(...(await sweepDestination(kafka, toDestinationOf(name), stateOf)));
      } catch (error) {
        swept.failed.push({ what: name, error: toAppError(error) });
      }
    }
    return swept;
  });
}

async function sweepDestination(kafka: OpenKafka, destination: string, stateOf: StateOf): Promise<readonly string[]> {
  if (!(await areOver(await readRestoreJournal(kafka.cluster, destination), stateOf))) return [];
  const lock = await GroupLock.take(kafka.cluster, lockName(destination));
  if (lock === undefined) return [];
  try {
    // A restore may have come and gone before we had the lock.
    const journal = await readRestoreJournal(kafka.cluster, destination);
    if (!(await areOver(journal, stateOf))) return [];
    const removed: string[] = [];
    const { entries: all, intention } = journal;
    for (const [topic, entries] of Map.groupBy(all, (entry) => entry.topic)) {
      if (!entries.every(({ isMade, isWhole }) => isMade && !isWhole)) continue;
      if (!(await isUntouched(kafka, topic, entries))) continue;
      await kafka.admin.remove(topic);
      removed.push(topic);
    }
    const isJournalled = all.some(({ topic }) => topic === intention?.topic);
    if (intention !== undefined && !isJournalled && (await isThere(kafka, intention))) {
      await kafka.admin.remove(intention.topic);
      removed.push(intention.topic);
    }
    await kafka.admin.removeGroups([journalName(destination)]);
    return removed;
  } finally {
    await lock.close();
  }
}

/** A topic that was made, and whose maker came no further. */
async function isThere(kafka: OpenKafka, intention: Intention): Promise<boolean> {
  const isListed = (await kafka.admin.list()).some(({ name }) => name === intention.topic);
  return isListed && isMadeTopic(kafka, intention);
}

async function areOver(journal: Journal, stateOf: StateOf): Promise<boolean> {
  const states = await Promise.all(runsOf(journal).map(stateOf));
  return states.every((state) => state === 'over');
}

/** Still the topic that the restore made, with no more in it than it wrote. */
async function isUntouched({ cluster }: OpenKafka, topic: string, entries: readonly JournalEntry[]): Promise<boolean> {
  const id = (await readTopicIds(cluster, [topic]))[topic] ?? null;
  if (entries.some(({ topicId }) => topicId === null || topicId !== id)) return false;
  const ends = await readLogEnds(cluster, topic);
  return entries.every(
    ({ partition, baseOffset, records }) => (ends.get(partition) ?? 0n) <= baseOffset + BigInt(records),
  );
}
