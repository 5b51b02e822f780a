import { connect, type Socket } from 'node:net';
import { Kafka, logLevel } from 'kafkajs';
import { createKafka } from '#common/bus/kafka-client.js';
import { endpoints } from '#tools/services/endpoints.js';
import { silentLogger } from './kafka-test-bed.js';

/** A client of the real broker whose wire can be cut and mended: an outage for it alone. */
export class BreakableKafka {
  readonly kafka: Kafka;
  private readonly sockets = new Set<Socket>();
  private isCut = false;
  private readByClosed = 0;

  constructor() {
    // Registers the codecs; this client differs from it by its wire and by giving up sooner.
    createKafka({ brokers: endpoints.kafka.brokers, clientId: 'spec', logger: silentLogger });
    this.kafka = new Kafka({
      brokers: [...endpoints.kafka.brokers],
      logLevel: logLevel.NOTHING,
      retry: { retries: 1, initialRetryTime: 20 },
      socketFactory: ({ host, port, onConnect }) => this.open(host, port, onConnect),
    });
  }

  /** Everything that came over this wire so far. */
  get bytesRead(): number {
    return [...this.sockets].reduce((sum, socket) => sum + socket.bytesRead, this.readByClosed);
  }

  cut(): void {
    this.isCut = true;
    for (const socket of this.sockets) socket.destroy(new Error('the wire is cut'));
  }

  mend(): void {
    this.isCut = false;
  }

  private open(host: string, port: number, onConnect: () => void): Socket {
    const socket = connect({ host, port }, onConnect);
    this.sockets.add(socket);
    socket.once('close', () => {
      this.sockets.delete(socket);
      this.readByClosed += socket.bytesRead;
    });
    if (this.isCut) setImmediate(() => socket.destroy(new Error('the wire is cut')));
    return socket;
  }
}
