import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import { AppError } from '#common/errors/app-error.js';
import { toText } from '#common/errors/printable.js';

export interface RedisNode {
  readonly host: string;
  readonly port: number;
}

export interface RedisTls {
  readonly caFile: string | undefined;
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
  /** Compared with the certificate instead of the host. */
  readonly serverName: string | undefined;
}

/** How to reach a server, a group that Sentinel watches, or a cluster. Passwords stay in here. */
export interface RedisConnection {
  readonly mode: 'single' | 'sentinel' | 'cluster';
  /** The server; the Sentinels; some nodes of the cluster. */
  readonly nodes: readonly RedisNode[];
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** By the path of the url; undefined: none named. */
  readonly db: number | undefined;
  readonly tls: RedisTls | undefined;
  readonly sentinel: RedisSentinel | undefined;
}

export interface RedisSentinel {
  /** What the Sentinels call the group. */
  readonly masterName: string;
  readonly username: string | undefined;
  readonly password: string | undefined;
}

export interface RedisConnectionOptions {
  readonly cluster?: boolean | undefined;
  readonly sentinel?: Partial<RedisSentinel> | undefined;
  readonly tls?: Partial<RedisTls> | undefined;
}

const URL_PARTS = /^(rediss?|valkeys?):\/\/(?:([^:@/]*)(?::([^@/]*))?@)?([^/?#]*)(?:\/(\d*))?$/;
const DEFAULT_PORT = { server: 6379, sentinel: 26_379 };

/** `redis[s]://[user][:password]@host[:port][,host[:port]…][/db]`. Throws: config.invalid, which never repeats the url. */
export function parseRedisUrl(url: string, o: RedisConnectionOptions = {}): RedisConnection {
  const [, scheme = '', user = '', password, hosts = '', db = ''] = URL_PARTS.exec(url) ?? [];
  const defaultPort = o.sentinel === undefined ? DEFAULT_PORT.server : DEFAULT_PORT.sentinel;
  const nodes = hosts
    .split(',')
    .filter((host) => host !== '')
    .map((host) => parseNode(host, defaultPort));
  if (nodes.length === 0) throw invalid('must look like redis://user:password@host:6379/0');
  const masterName = o.sentinel?.masterName;
  if (o.sentinel !== undefined && masterName === undefined) throw invalid('needs the name of the master');
  return {
    mode: o.cluster ? 'cluster' : masterName === undefined ? 'single' : 'sentinel',
    nodes,
    username: unescapePart(user) || undefined,
    password: password === undefined ? undefined : unescapePart(password) || undefined,
    db: db === '' ? undefined : Number(db),
    tls: scheme === 'rediss' || scheme === 'valkeys' || o.tls !== undefined ? { ...NO_FILES, ...o.tls } : undefined,
    sentinel:
      masterName === undefined ? undefined : { username: undefined, password: undefined, ...o.sentinel, masterName },
  };
}

const NO_FILES: RedisTls = { caFile: undefined, certFile: undefined, keyFile: undefined, serverName: undefined };

function parseNode(text: string, defaultPort: number): RedisNode {
  const [, ipv6, name, port] = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const host = ipv6 ?? name;
  if (host === undefined) throw invalid('names a host that cannot be read; write host:port or [address]:port');
  return { host, port: port === undefined ? defaultPort : Number(port) };
}

function unescapePart(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalid('has a percent sign in user or password that begins no escape; write %25');
  }
}

const invalid = (reason: string): AppError => new AppError('config.invalid', `the url of a Redis server ${reason}`);

export const toAddress = ({ host, port }: RedisNode): string => `${host.includes(':') ? `[${host}]` : host}:${port}`;

/** Of Node's TLS, for a connection to this host. Throws: config.invalid for a file that cannot be read. */
export function toTlsOptions(tls: RedisTls, host: string): ConnectionOptions {
  const { caFile, certFile, keyFile, serverName } = tls;
  return {
    servername: serverName ?? (/^[\d.]+$|:/.test(host) ? '' : host),
    ...(caFile === undefined ? {} : { ca: readFile(caFile) }),
    ...(certFile === undefined ? {} : { cert: readFile(certFile) }),
    ...(keyFile === undefined ? {} : { key: readFile(keyFile) }),
  };
}

function readFile(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new AppError('config.invalid', `cannot read ${path}: ${toText(code)}`, { path }, { cause });
  }
}
