import { AppError } from '#common/errors/app-error.js';
import { IGNORED, PARAMETERS, type Parameter, REFUSED } from './parameters.js';
import { type PgUrlParts, splitPgUrl, unescapePart } from './url.js';

export interface PgHost {
  /** A name, an address, or the folder of a Unix socket. Certificates and pass files are compared with it. */
  readonly host: string;
  readonly port: number;
  /** Where to connect instead of asking what `host` stands for. */
  readonly hostAddress: string | undefined;
}

/**
 * How to reach one PostgreSQL database: the only source of the driver's options and of libpq's environment.
 * Passwords stay in here: they reach children by their environment only.
 */
export interface PgConnection extends PgHost {
  /** Tried one after another when the first host is away or is not what `targetSession` asks for. */
  readonly otherHosts: readonly PgHost[];
  readonly targetSession: TargetSession;
  readonly user: string;
  readonly password: string | undefined;
  readonly passFile: string | undefined;
  readonly database: string;
  /** libpq's sslmode. */
  readonly sslMode: SslMode;
  /** A file, or `system`. */
  readonly sslRootCert: string | undefined;
  readonly sslCert: string | undefined;
  readonly sslKey: string | undefined;
  readonly sslCrl: string | undefined;
  readonly tlsMinVersion: TlsVersion | undefined;
  readonly tlsMaxVersion: TlsVersion | undefined;
  readonly channelBinding: ChannelBinding | undefined;
  readonly connectTimeoutSeconds: number | undefined;
  /** Command-line options of the server's process, `-c name=value`. */
  readonly options: string | undefined;
  /** Parameters of the url that mean nothing here, and harm nothing. */
  readonly ignored: readonly string[];
}

const SSL_MODES = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full'] as const;
const TARGET_SESSIONS = ['any', 'read-write', 'read-only', 'primary', 'standby', 'prefer-standby'] as const;
const CHANNEL_BINDINGS = ['disable', 'prefer', 'require'] as const;
const TLS_VERSIONS = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const;

export type SslMode = (typeof SSL_MODES)[number];
export type TargetSession = (typeof TARGET_SESSIONS)[number];
export type ChannelBinding = (typeof CHANNEL_BINDINGS)[number];
export type TlsVersion = (typeof TLS_VERSIONS)[number];

/** Throws: config.invalid naming the parameter; the message never repeats the url, for it may hold a password. */
export function parsePgUrl(text: string): PgConnection {
  const parts = splitPgUrl(text);
  const ignored = [...parts.parameters.keys()].filter((name) => !isKnown(name));
  for (const name of ignored) if (!IGNORED.has(name)) refuse(name);
  const given = (name: Parameter): string | undefined => parts.parameters.get(name);
  const [first, ...otherHosts] = toHosts(parts, given);
  if (first === undefined) throw new AppError('config.invalid', 'a PostgreSQL url names no host');
  const user = given('user') ?? (unescapePart(parts.user) || 'postgres');
  return {
    ...first,
    otherHosts,
    targetSession: oneOf(TARGET_SESSIONS, 'target_session_attrs', given) ?? 'any',
    user,
    password: given('password') ?? (unescapePart(parts.password) || undefined),
    passFile: given('passfile'),
    database: given('dbname') ?? (unescapePart(parts.database) || user),
    sslMode: toSslMode(given),
    sslRootCert: given('sslrootcert'),
    sslCert: given('sslcert'),
    sslKey: given('sslkey'),
    sslCrl: given('sslcrl'),
    tlsMinVersion: oneOf(TLS_VERSIONS, 'ssl_min_protocol_version', given),
    tlsMaxVersion: oneOf(TLS_VERSIONS, 'ssl_max_protocol_version', given),
    channelBinding: oneOf(CHANNEL_BINDINGS, 'channel_binding', given),
    connectTimeoutSeconds: toTimeout(given('connect_timeout')),
    options: given('options'),
    ignored,
  };
}

export const withDatabase = (connection: PgConnection, database: string): PgConnection => ({ ...connection, database });

/** The one of its hosts that answered, so that whatever comes next goes to the same server. */
export const withHost = (connection: PgConnection, { host, port, hostAddress }: PgHost): PgConnection => ({
  ...connection,
  ...{ host, port, hostAddress, otherHosts: [] },
});

export const hostsOf = ({ host, port, hostAddress, otherHosts }: PgConnection): PgHost[] => [
  { host, port, hostAddress },
  ...otherHosts,
];

/** `db-1:5432,db-2:5432`: names the server, for people and for what only one may use at a time. */
export const toPgPlace = (connection: PgConnection): string =>
  hostsOf(connection)
    .map(({ host, port }) => `${host}:${port}`)
    .join(',');

/** For logs and errors: everything but the password. */
export const toPgLabel = (connection: PgConnection): string =>
  `${connection.user}@${toPgPlace(connection)}/${connection.database}`;

export const isSocketFolder = (host: string): boolean => host.startsWith('/');

type Given = (name: Parameter) => string | undefined;

const isKnown = (name: string): boolean => (PARAMETERS as readonly string[]).includes(name);

function refuse(name: string): never {
  const instead = REFUSED.get(name);
  const why = instead ?? `it knows ${PARAMETERS.join(', ')}`;
  throw new AppError('config.invalid', `Holdfast does not know the parameter "${name}" of a PostgreSQL url; ${why}`);
}

function toHosts({ hosts: written }: PgUrlParts, given: Given): PgHost[] {
  const addresses = given('hostaddr')?.split(',');
  const listed = given('host')?.split(',') ?? (written.length === 0 ? addresses : undefined);
  const inFront = written.map(splitPort);
  const hosts = listed?.map((host, index) => ({ host, port: inFront[index]?.port })) ?? inFront;
  const ports = given('port')?.split(',');
  assertFits('hostaddr', addresses, hosts.length);
  if (ports?.length !== 1) assertFits('port', ports, hosts.length);
  return hosts.map(({ host, port }, index) => ({
    host: toHostName(host),
    port: toPort(ports?.[ports.length === 1 ? 0 : index] ?? port),
    hostAddress: addresses?.[index] || undefined,
  }));
}

function splitPort(text: string): { host: string; port: string | undefined } {
  const [, host = '', port] = /^(\[[^\]]*\]|[^:]*)(?::(.*))?$/.exec(text) ?? [];
  return { host: unescapePart(host).replace(/^\[|\]$/g, ''), port };
}

function toHostName(host: string): string {
  if (host === '') throw new AppError('config.invalid', 'a PostgreSQL url has a host without a name');
  if (host.startsWith('@'))
    throw new AppError('config.invalid', 'a PostgreSQL url names an abstract socket; name the folder of a socket file');
  return host;
}

function toPort(text: string | undefined): number {
  if (text === undefined || text === '') return 5432;
  const port = /^\d+$/.test(text) ? Number(text) : 0;
  if (port >= 1 && port <= 65_535) return port;
  throw new AppError('config.invalid', 'a PostgreSQL url has a port that is no number from 1 to 65535');
}

function assertFits(name: Parameter, list: readonly string[] | undefined, count: number): void {
  if (list === undefined || list.length === count) return;
  throw new AppError(
    'config.invalid',
    `the parameter "${name}" of a PostgreSQL url lists ${list.length} for ${count} hosts`,
  );
}

function oneOf<T extends string>(known: readonly T[], name: Parameter, given: Given): T | undefined {
  const text = given(name);
  if (text === undefined) return undefined;
  const found = known.find((each) => each === text);
  if (found === undefined) throw new AppError('config.invalid', `${name} "${text}" is not one of ${known.join(', ')}`);
  return found;
}

/** With the system's authorities, a certificate without its name compared proves nothing: libpq insists as well. */
function toSslMode(given: Given): SslMode {
  const mode = oneOf(SSL_MODES, 'sslmode', given);
  if (given('sslrootcert') !== 'system') return mode ?? 'prefer';
  if (mode === undefined || mode === 'verify-full') return 'verify-full';
  throw new AppError('config.invalid', `sslrootcert=system needs sslmode=verify-full, not ${mode}`);
}

/** libpq takes no less than two seconds, and 0 for waiting without end. */
function toTimeout(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const seconds = /^\d+$/.test(text) ? Number(text) : 0;
  if (seconds >= 2 && seconds <= 600) return seconds;
  throw new AppError('config.invalid', `connect_timeout "${text}" is not a number of seconds from 2 to 600`);
}
