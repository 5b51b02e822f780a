import { createKafka } from '#common/bus/kafka-client.js';
import { KafkaCluster } from '#common/bus/kafka-cluster.js';
import { silentLogger } from '#common/testing/kafka-test-bed.js';
import { endpoints } from '#tools/services/endpoints.js';
import type { Cluster } from './cluster.js';
import type { Replica } from './replica.js';

interface Leaving {
  leaveGroup(request: { readonly groupId: string; readonly memberId: string }): Promise<unknown>;
}

/**
 * Tells the broker what it would find out by itself ten seconds after the kill: that this consumer is gone. Called when what was
 * killed is done after all, so that only the run after it, and not the time to recovery, is spared the wait.
 */
export async function expelDead(cluster: Cluster, { app, name }: Replica): Promise<void> {
  const joined = app.log.findLast(({ memberId }) => typeof memberId === 'string');
  if (joined === undefined) return;
  const groupId = `${cluster.topicPrefix}holdfast-${name}`;
  const kafka = createKafka({ brokers: endpoints.kafka.brokers, clientId: 'expel', logger: silentLogger });
  const connection = await KafkaCluster.open(kafka);
  try {
    const coordinator = (await connection.cluster.findGroupCoordinator({ groupId })) as unknown as Leaving;
    // A member that the broker has given up already is gone, which is all that is wanted.
    await coordinator.leaveGroup({ groupId, memberId: String(joined['memberId']) }).catch(() => undefined);
  } finally {
    await connection.close();
  }
}
