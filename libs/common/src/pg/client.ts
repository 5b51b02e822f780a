import pg from 'pg';
import { AppError } from '#common/errors/app-error.js';
import { toText } from '#common/errors/printable.js';
import {
  hostsOf,
  type PgConnection,
  type PgHost,
  type TargetSession,
  toPgLabel,
  toPgPlace,
  withHost,
} from './connection.js';
import { CONNECT_TIMEOUT_SECONDS, toApplicationName, toPgOptions } from './environment.js';
import { findPassword } from './password.js';
import { toTlsOptions } from './tls.js';

export interface PgClientOptions {
  readonly applicationName: string;
  /** Of one host. Default: that of the url, else 15 s. */
  readonly connectTimeoutMs?: number | undefined;
  /** Run-time parameters from the first moment on. A server that does not know one refuses the connection. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Speaks to a WAL sender instead of a backend: replication commands and no SQL. */
  readonly isReplication?: boolean;
}

/** One way to try: a host, with TLS unless `isPlain`. */
export interface PgRoute {
  readonly host: PgHost;
  readonly isPlain: boolean;
}

export interface Connected {
  readonly client: pg.Client;
  readonly route: PgRoute;
  /** To the host that answered alone. */
  readonly connection: PgConnection;
}

/** The driver's view of a connection. Throws: postgres.tls. */
export function toClientConfig(connection: PgConnection, route: PgRoute, o: PgClientOptions): pg.ClientConfig {
  const pinned = withHost(connection, route.host);
  const { host, port, hostAddress, user, database } = pinned;
  const options = toPgOptions(connection, o.settings ?? {});
  return {
    ...{ host: hostAddress ?? host, port, user, database, keepAlive: true },
    // Asked for only when the server wants one, as by libpq.
    password: async () => findPassword(pinned),
    ssl: (route.isPlain ? undefined : toTlsOptions(pinned)) ?? false,
    application_name: toApplicationName(o.applicationName),
    connectionTimeoutMillis:
      o.connectTimeoutMs ?? (connection.connectTimeoutSeconds ?? CONNECT_TIMEOUT_SECONDS) * 1_000,
    enableChannelBinding: connection.channelBinding === 'prefer' || connection.channelBinding === 'require',
    ...(options === undefined ? {} : { options }),
    ...(o.isReplication ? { replication: 'true' } : {}),
  } as pg.ClientConfig;
}

/** What the driver would take from variables of libpq that children never see, and what it has no option for. */
export function tieDown(client: pg.Client, connection: PgConnection, config: pg.ClientConfig): void {
  const parameters = (client as unknown as { connectionParameters: { options: string | undefined } })
    .connectionParameters;
  parameters.options = config.options;
  if (connection.channelBinding === 'require') insistOnChannelBinding(client);
}

interface Failure {
  readonly host: PgHost;
  readonly error: Error;
}

/**
 * Connects to the first host that answers and is what the url asks for: the others are tried in order, as by libpq, but not after a
 * login that was refused. Throws: what the driver throws; postgres.tls, .auth; postgres.unreachable when no host fits; the abort reason.
 */
export async function connectPg(
  connection: PgConnection,
  o: PgClientOptions & { readonly signal?: AbortSignal },
): Promise<Connected> {
  const failures: Failure[] = [];
  const wanted = connection.targetSession;
  const rounds: readonly TargetSession[] = wanted === 'prefer-standby' ? ['standby', 'any'] : [wanted];
  for (const target of rounds) {
    for (const host of hostsOf(connection)) {
      try {
        return await connectToHost({ ...connection, targetSession: target }, host, o);
      } catch (error) {
        if (o.signal?.aborted || isFinal(error)) throw error;
        failures.push({ host, error: error as Error });
      }
    }
  }
  throw toFailure(connection, failures);
}

async function connectToHost(
  connection: PgConnection,
  host: PgHost,
  o: PgClientOptions & { readonly signal?: AbortSignal },
): Promise<Connected> {
  const connect = async (isPlain: boolean): Promise<Connected> => {
    const route = { host, isPlain };
    const client = await connectOnce(connection, route, o);
    const pinned = withHost(connection, host);
    try {
      await assertTarget(client, pinned);
    } catch (error) {
      client.end().catch(() => undefined);
      throw error;
    }
    return { client, route, connection: pinned };
  };
  return await connect(false).catch((error) => {
    if (!mayBePlain(connection, error)) throw error;
    return connect(true);
  });
}

async function connectOnce(
  connection: PgConnection,
  route: PgRoute,
  { signal, ...o }: PgClientOptions & { readonly signal?: AbortSignal },
): Promise<pg.Client> {
  const config = toClientConfig(connection, route, o);
  const client = new pg.Client(config);
  tieDown(client, connection, config);
  client.on('error', () => undefined);
  const onAbort = Promise.withResolvers<never>();
  const abort = (): void => onAbort.reject(signal?.reason);
  signal?.addEventListener('abort', abort, { once: true });
  try {
    await Promise.race([client.connect(), onAbort.promise]);
    return client;
  } catch (error) {
    // Not awaited: a host that swallows packets holds the socket until the connect timeout.
    client.end().catch(() => undefined);
    throw isPoolersRefusal(error) ? toPooled(connection, error) : error;
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

/** `pg` has no code for the server's one-byte "no TLS here". */
export const isTlsRefusal = (error: unknown): boolean =>
  error instanceof Error && error.message === 'The server does not support SSL connections';

export const mayBePlain = ({ sslMode }: PgConnection, error: unknown): boolean =>
  sslMode === 'prefer' && isTlsRefusal(error);

/** Throws: postgres.unreachable when the host is another kind than the url asks for: others may be that, or it later. */
export async function assertTarget(client: pg.Client, connection: PgConnection): Promise<void> {
  const { targetSession: wanted } = connection;
  if (wanted === 'any' || wanted === 'prefer-standby') return;
  const { rows } = await client.query<{ standby: boolean; readOnly: boolean }>(
    `SELECT pg_catalog.pg_is_in_recovery() AS standby,
            pg_catalog.current_setting('default_transaction_read_only') = 'on' AS "readOnly"`,
  );
  const [{ standby, readOnly } = { standby: false, readOnly: false }] = rows;
  const isReadOnly = standby || readOnly;
  const fits = { 'read-write': !isReadOnly, 'read-only': isReadOnly, primary: !standby, standby }[wanted];
  if (!fits)
    throw new AppError(
      'postgres.unreachable',
      `${toPgLabel(connection)} is not ${wanted}, as target_session_attrs asks`,
    );
}

/**
 * A pooler greets with numbers of its own, then lends one of its backends: it may be another one for each transaction.
 * Ask before anything is set, for it would stay set in the sessions of the application. Throws: postgres.pooled.
 */
export function assertDirect(client: pg.Client, backendPid: number, connection: PgConnection): void {
  const { processID } = client as unknown as { processID: number | null };
  if (processID !== backendPid) throw toPooled(connection);
}

const toPooled = (connection: PgConnection, cause?: unknown): AppError =>
  new AppError(
    'postgres.pooled',
    `a connection pooler answers at ${toPgPlace(connection)}, not the PostgreSQL server itself`,
    { host: connection.host, port: connection.port },
    { cause },
  );

/** Of PgBouncer, which knows few of the parameters that a session may begin with. */
const isPoolersRefusal = (error: unknown): boolean =>
  error instanceof pg.DatabaseError && error.code === '08P01' && /^unsupported startup parameter/.test(error.message);

/** Another host has the same logins, and a pooler in front of it. */
const isFinal = (error: unknown): boolean =>
  error instanceof AppError
    ? error.code === 'postgres.auth' || error.code === 'postgres.pooled'
    : error instanceof pg.DatabaseError && (error.code ?? '').startsWith('28');

/** The last error, which names the next step as well as any; its message tells all hosts where there are several. */
function toFailure(connection: PgConnection, failures: readonly Failure[]): Error {
  const last = failures.at(-1)?.error ?? new AppError('postgres.unreachable', 'no host was tried');
  if (connection.otherHosts.length === 0) return last;
  const told = failures.map(({ host, error }) => `${host.host}:${host.port}: ${toText(error)}`);
  return Object.assign(last, { message: told.join('; ') });
}

/** The password goes out only where the server proves with it that no other ends the TLS connection. */
function insistOnChannelBinding(client: pg.Client): void {
  const connection = client.connection as unknown as {
    prependListener(event: string, listener: (message: { mechanisms?: readonly string[] }) => void): void;
    stream: { encrypted?: boolean; destroy(error: Error): void };
  };
  let isBound = false;
  const give = (): void => {
    const message = 'channel_binding=require, and the server offers no SCRAM-SHA-256-PLUS over TLS';
    connection.stream.destroy(new AppError('postgres.auth', message));
  };
  connection.prependListener('authenticationSASL', ({ mechanisms = [] }) => {
    isBound = connection.stream.encrypted === true && mechanisms.includes('SCRAM-SHA-256-PLUS');
    if (!isBound) give();
  });
  connection.prependListener('authenticationCleartextPassword', give);
  connection.prependListener('authenticationMD5Password', give);
  connection.prependListener('authenticationOk', () => {
    if (!isBound) give();
  });
}
