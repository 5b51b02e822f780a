import { connect, type Socket } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { Kafka, logLevel } from 'kafkajs';
import { until } from '#common/testing/kafka-test-bed.js';
import { endpoints } from '#tools/services/endpoints.js';
import { KafkaCluster } from './kafka-cluster.js';
import { describeGroup, listGroups } from './kafka-groups.js';

/** A client of the real broker that shows which of its sockets are open. */
function watchedKafka(): { readonly kafka: Kafka; readonly sockets: ReadonlySet<Socket> } {
  const sockets = new Set<Socket>();
  const kafka = new Kafka({
    brokers: [...endpoints.kafka.brokers],
    logLevel: logLevel.NOTHING,
    socketFactory: ({ host, port, onConnect }) => {
      const socket = connect({ host, port }, onConnect);
      sockets.add(socket);
      return socket.once('close', () => sockets.delete(socket));
    },
  });
  return { kafka, sockets };
}

describe('a connection that is closed', () => {
  it('ends what still runs and leaves no socket open', async () => {
    const { kafka, sockets } = watchedKafka();
    const cluster = await KafkaCluster.open(kafka);
    const running = Array.from({ length: 8 }, async (_, n) => {
      await describeGroup(cluster, `nobody-${n}`);
      return listGroups(cluster);
    });
    const ended = Promise.allSettled(running);
    await cluster.close();
    await ended;
    await until('every socket is closed', () => sockets.size === 0);
  });

  it('takes no more requests and opens nothing for them', async () => {
    const { kafka, sockets } = watchedKafka();
    const cluster = await KafkaCluster.open(kafka);
    await cluster.close();
    await expect(cluster.partitionsOf('anything')).rejects.toMatchObject({ code: 'bus.unavailable' });
    await until('every socket is closed', () => sockets.size === 0);
  });
});
