import { evict, listLockMembers } from '#common/bus/group-lock.js';
import { JOURNAL_PREFIX, listGroupNames } from '#common/bus/kafka-groups.js';
import { BatchProducer } from '#common/bus/records/batch-producer.js';
import type { AttemptIdentity } from '#common/engines/engine.js';
import { type KafkaTarget, withKafka } from '#common/engines/kafka/kafka-dataset.js';
import { lockName, parseClientId } from './restore-fence.js';
import { journalName, readRestoreJournal, runsOf, toDestinationOf } from './restore-journal.js';

/** Takes the locks of this attempt and earlier ones away, and lets the brokers refuse what they still send. Throws: bus.unavailable. */
export function endRestore({ connection }: KafkaTarget, { runId, attempt }: AttemptIdentity): Promise<void> {
  return withKafka(connection, 'holdfast-end', async ({ cluster }) => {
    const journals = (await listGroupNames(cluster)).filter((name) => name.startsWith(JOURNAL_PREFIX));
    const destinations = new Set(journals.map((name) => toDestinationOf(name).replace(/:lock$/, '')));
    for (const destination of destinations) {
      const group = lockName(destination);
      const members = (await listLockMembers(cluster, group)).map((member) => ({
        ...{ memberId: member.memberId, identity: parseClientId(member.clientId) },
      }));
      const dead = members.filter(({ identity }) => identity?.runId === runId && identity.attempt <= attempt);
      for (const { memberId } of dead) await evict(cluster, group, memberId);
      const isOurs = dead.length > 0 || (await isOf(cluster, destination, runId));
      if (isOurs && dead.length === members.length) await BatchProducer.open(cluster, journalName(destination));
    }
  });
}

async function isOf(cluster: Parameters<typeof readRestoreJournal>[0], destination: string, runId: string) {
  return runsOf(await readRestoreJournal(cluster, destination)).includes(runId);
}
