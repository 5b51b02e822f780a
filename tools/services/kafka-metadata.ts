import { connect } from 'node:net';

/** Metadata, version 1, correlation id 1, no client id, no topics. Source: Kafka protocol guide, "Metadata API". */
export function toMetadataRequest(): Buffer {
  const body = Buffer.from([0, 3, 0, 1, 0, 0, 0, 1, 0xff, 0xff, 0, 0, 0, 0]);
  const size = Buffer.alloc(4);
  size.writeInt32BE(body.length);
  return Buffer.concat([size, body]);
}

/** How many brokers the answer names; undefined while it is not complete. */
export function parseBrokerCount(answer: Buffer): number | undefined {
  if (answer.length < 12 || answer.length < 4 + answer.readInt32BE(0)) return undefined;
  return answer.readInt32BE(8);
}

/** Asks a broker for its cluster; 0 when it does not answer in time. A client library would log and retry by itself here. */
export function countBrokers(host: string, port: number, timeoutMs = 2_000): Promise<number> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: timeoutMs });
    const end = (count: number): void => {
      socket.destroy();
      resolve(count);
    };
    let answer = Buffer.alloc(0);
    socket.once('connect', () => socket.write(toMetadataRequest()));
    socket.on('data', (chunk) => {
      answer = Buffer.concat([answer, chunk]);
      const count = parseBrokerCount(answer);
      if (count !== undefined) end(count);
    });
    socket
      .once('timeout', () => end(0))
      .once('error', () => end(0))
      .once('close', () => end(0));
  });
}
