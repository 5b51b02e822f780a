import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream';

interface Address {
  readonly host: string;
  readonly port: number;
}

/** A store whose ETags are no digests of what it stores, as under SSE-KMS, SSE-C and in S3 Express: an HTTP proxy before a real one. */
export async function startOpaqueEtags(store: Address): Promise<Address & { stop(): Promise<void> }> {
  const server = createServer((fromClient, toClient) => void pass(fromClient, toClient, store));
  server.on('clientError', (_, socket) => socket.destroy());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** The request as it came, `Host` included, which SigV4 signs. */
function pass(fromClient: IncomingMessage, toClient: ServerResponse, { host, port }: Address): void {
  const { method, url: path = '', rawHeaders } = fromClient;
  const toStore = request({ host, port, method, path, headers: [...rawHeaders], setHost: false, agent: false });
  toStore.on('response', (answer) => {
    if (toClient.destroyed) return void answer.resume();
    const { etag, ...headers } = answer.headers;
    // The store wants the ETags of parts back as it gave them.
    const told = etag === undefined || path.includes('partNumber=') ? etag : toOpaque(etag);
    toClient.writeHead(answer.statusCode ?? 500, { ...headers, ...(told === undefined ? {} : { etag: told }) });
    pipeline(answer, toClient, () => undefined);
  });
  toStore.on('error', () => toClient.destroy());
  toClient.on('error', () => toStore.destroy());
  pipeline(fromClient, toStore, () => undefined);
}

const toOpaque = (etag: string): string =>
  etag.replace(/[0-9a-f]{32}/, (digest) => createHash('md5').update(`key of the store ${digest}`).digest('hex'));
