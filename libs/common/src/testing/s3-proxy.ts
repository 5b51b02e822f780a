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

/** What differs from the server behind the proxy. */
export interface S3Differences {
  /** The proxy answers in the server's place. */
  readonly answer?: (asked: IncomingMessage) => OwnAnswer | undefined;
  /** The server answers, with other headers. */
  readonly change?: (headers: IncomingHttpHeaders, path: string) => IncomingHttpHeaders;
}

export interface S3Proxy extends Address {
  readonly endpoint: string;
  stop(): Promise<void>;
}

/** A server of another make: an HTTP proxy in front of a real one, which signs off requests as they came. */
export async function startS3Proxy(server: Address, differences: S3Differences): Promise<S3Proxy> {
  const proxy = createServer((fromClient, toClient) => {
    const own = differences.answer?.(fromClient);
    if (own === undefined) return pass(fromClient, toClient, { ...differences, server });
    fromClient.resume().once('end', () => toClient.writeHead(own.status, own.headers).end(own.body));
  });
  proxy.on('clientError', (_, socket) => socket.destroy());
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const { port } = proxy.address() as AddressInfo;
  return {
    ...{ host: '127.0.0.1', port, endpoint: `http://127.0.0.1:${port}` },
    stop: async () => {
      proxy.closeAllConnections();
      proxy.close();
      await once(proxy, 'close');
    },
  };
}

interface Passing extends S3Differences {
  readonly server: Address;
}

/** The request as it came, `Host` included, which SigV4 signs. */
function pass(
  fromClient: IncomingMessage,
  toClient: ServerResponse,
  { server, change = (headers) => headers }: Passing,
) {
  const { method, url: path = '', rawHeaders } = fromClient;
  const toServer = request({ ...server, method, path, headers: [...rawHeaders], setHost: false, agent: false });
  toServer.on('response', (answer) => {
    if (toClient.destroyed) return void answer.resume();
    toClient.writeHead(answer.statusCode ?? 500, change(answer.headers, path));
    pipeline(answer, toClient, () => undefined);
  });
  toServer.on('error', () => toClient.destroy());
  toClient.on('error', () => toServer.destroy());
  pipeline(fromClient, toServer, () => undefined);
}

/** A server whose ETags are no digests of what it stores, as under SSE-KMS, SSE-C and in S3 Express. */
export const opaqueEtags: S3Differences = {
  change: ({ etag, ...headers }, path) => {
    // The server wants the ETags of parts back as it gave them.
    const isPart = path.includes('partNumber=');
    return etag === undefined ? headers : { ...headers, etag: isPart ? etag : toOpaque(etag) };
  },
};

const toOpaque = (etag: string): string =>
  etag.replace(/[0-9a-f]{32}/, (digest) => createHash('md5').update(`key of the server ${digest}`).digest('hex'));
