import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream';

interface Address {
  readonly host: string;
  readonly port: number;
}

interface OwnAnswer {
  readonly status: number;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What differs from the store behind the proxy. */
export interface S3Differences {
  /** The proxy answers in the store's place. */
  readonly answer?: (asked: IncomingMessage) => OwnAnswer | undefined;
  /** The store answers, with other headers. */
  readonly change?: (headers: IncomingHttpHeaders, path: string) => IncomingHttpHeaders;
}

export interface S3Proxy extends Address {
  readonly endpoint: string;
  stop(): Promise<void>;
}

/** A store of another make: an HTTP proxy in front of a real one, which signs off requests as they came. */
export async function startS3Proxy(store: Address, differences: S3Differences): Promise<S3Proxy> {
  const server = createServer((fromClient, toClient) => {
    const own = differences.answer?.(fromClient);
    if (own === undefined) return pass(fromClient, toClient, { ...differences, store });
    fromClient.resume().once('end', () => toClient.writeHead(own.status, own.headers).end(own.body));
  });
  server.on('clientError', (_, socket) => socket.destroy());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    ...{ host: '127.0.0.1', port, endpoint: `http://127.0.0.1:${port}` },
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

interface Passing extends S3Differences {
  readonly store: Address;
}

/** The request as it came, `Host` included, which SigV4 signs. */
function pass(
  fromClient: IncomingMessage,
  toClient: ServerResponse,
  { store, change = (headers) => headers }: Passing,
) {
  const { method, url: path = '', rawHeaders } = fromClient;
  const toStore = request({ ...store, method, path, headers: [...rawHeaders], setHost: false, agent: false });
  toStore.on('response', (answer) => {
    if (toClient.destroyed) return void answer.resume();
    toClient.writeHead(answer.statusCode ?? 500, change(answer.headers, path));
    pipeline(answer, toClient, () => undefined);
  });
  toStore.on('error', () => toClient.destroy());
  toClient.on('error', () => toStore.destroy());
  pipeline(fromClient, toStore, () => undefined);
}

/** A store whose ETags are no digests of what it stores, as under SSE-KMS, SSE-C and in S3 Express. */
export const opaqueEtags: S3Differences = {
  change: ({ etag, ...headers }, path) => {
    // The store wants the ETags of parts back as it gave them.
    const isPart = path.includes('partNumber=');
    return etag === undefined ? headers : { ...headers, etag: isPart ? etag : toOpaque(etag) };
  },
};

const toOpaque = (etag: string): string =>
  etag.replace(/[0-9a-f]{32}/, (digest) => createHash('md5').update(`key of the store ${digest}`).digest('hex'));
