import type pg from 'pg';
import { AppError } from '#common/errors/app-error.js';
import { assertDirect, type Connected } from '#common/pg/client.js';
import { type PgConnection, toPgLabel } from '#common/pg/connection.js';
import type { Sql } from '#common/pg/sql.js';
import { toPgError } from './pg-errors.js';
import { ANSWERS_TAKEN, KEEPALIVES } from './pg-liveness.js';
import { ClientEnd, connectClient } from './session-client.js';

export interface PgSessionOptions {
  /** An abort ends the session at once; what runs in it is cancelled by the server within seconds. */
  readonly signal: AbortSignal;
  readonly applicationName: string;
  /** Default: that of the url, else 15 s. */
  readonly connectTimeoutMs?: number;
  /** Run-time parameters over SESSION_SETTINGS; those that the server does not know are left out. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** Roles and databases may have set any of these; long work and complete answers need them as they are here. */
const SESSION_SETTINGS: Readonly<Record<string, string>> = {
  // Rows that a policy would hide become an error instead of silence.
  row_security: 'off',
  statement_timeout: '0',
  lock_timeout: '30s',
  idle_in_transaction_session_timeout: '0',
  idle_session_timeout: '0',
  transaction_timeout: '0',
  // A session whose client is gone stops working and gives its locks back.
  client_connection_check_interval: '2s',
  ...KEEPALIVES,
  ...ANSWERS_TAKEN,
};

/** A server that is frozen, or gone without a word, never says goodbye. */
const GOODBYE_MS = 5_000;

/** Who the server says it is, and what it calls this session. */
interface Backend {
  readonly versionNum: number;
  readonly pid: number;
}

/** One session of one PostgreSQL server. Statements run one after another in the order in which they were asked for. */
export class PgSession {
  readonly label: string;
  /** Resolves with the reason once the session is gone without having been closed here. */
  readonly whenLost: Promise<Error>;
  private tail: Promise<unknown> = Promise.resolve();
  private readonly ending: ClientEnd;

  private constructor(
    readonly connection: PgConnection,
    private readonly client: pg.Client,
    private readonly backend: Backend,
    private readonly signal: AbortSignal,
  ) {
    this.label = toPgLabel(connection);
    this.ending = new ClientEnd(client, signal, () => GOODBYE_MS);
    this.whenLost = this.watch();
  }

  /** To one host, also where the url names several. Throws: postgres.unreachable, .auth, .database-missing, .busy, .tls, .pooled; the abort reason. */
  static async open(connection: PgConnection, o: PgSessionOptions): Promise<PgSession> {
    const connected = await connectClient(connection, o, 'connect to');
    const { client } = connected;
    try {
      const backend = await prepare(connected, { ...SESSION_SETTINGS, ...o.settings });
      return new PgSession(connected.connection, client, backend, o.signal);
    } catch (error) {
      await client.end().catch(() => undefined);
      throw o.signal.aborted ? o.signal.reason : toPgError(error, connection, 'prepare a session of');
    }
  }

  get serverVersionNum(): number {
    return this.backend.versionNum;
  }

  get serverMajor(): number {
    return Math.floor(this.backend.versionNum / 10_000);
  }

  /** What pg_stat_activity and pg_terminate_backend call this session. */
  get backendPid(): number {
    return this.backend.pid;
  }

  /** All rows. int8 and numeric come as text. Throws: postgres.*; the abort reason. */
  async query<Row extends object>(statement: string | Sql, values: readonly unknown[] = []): Promise<Row[]> {
    const { rows } = await this.run<Row>(typeof statement === 'string' ? statement : statement.text, values);
    return rows;
  }

  /** Exactly one row. */
  async queryOne<Row extends object>(statement: string | Sql, values: readonly unknown[] = []): Promise<Row> {
    const [row, ...others] = await this.query<Row>(statement, values);
    if (row !== undefined && others.length === 0) return row;
    throw new AppError('postgres.query', `a query on ${this.label} returned ${row ? 'more than one row' : 'no row'}`);
  }

  /** The rows, and how many the statement returned or changed by its command tag. */
  run<Row extends object>(text: string, values: readonly unknown[] = []): Promise<pg.QueryResult<Row>> {
    const result = this.tail.then(() => this.execute<Row>(text, values));
    this.tail = result.catch(() => undefined);
    return result;
  }

  /** Ends the session; an open transaction is rolled back, a running statement given up. Idempotent, never throws. */
  close(): Promise<void> {
    return this.ending.close();
  }

  private watch(): Promise<Error> {
    return new Promise((resolve) => {
      let cause: Error | undefined;
      this.client.on('error', (error) => {
        cause ??= error;
      });
      this.client.once('end', () => {
        if (this.ending.hasBegun) return;
        resolve(this.toError(cause ?? new Error('connection terminated'), 'stay connected to'));
      });
    });
  }

  private async execute<Row extends object>(text: string, values: readonly unknown[]): Promise<pg.QueryResult<Row>> {
    this.signal.throwIfAborted();
    try {
      // Without values the simple protocol is used: LOCK TABLE before the first snapshot depends on that.
      return await (values.length === 0 ? this.client.query<Row>(text) : this.client.query<Row>(text, [...values]));
    } catch (error) {
      throw this.toError(error, 'query');
    }
  }

  private toError(error: unknown, doing: string): Error {
    if (this.signal.aborted) return this.signal.reason as Error;
    return toPgError(error, this.connection, doing);
  }
}

/** Opens a session for the time of `work`. */
export async function withPgSession<T>(
  connection: PgConnection,
  o: PgSessionOptions,
  work: (session: PgSession) => Promise<T>,
): Promise<T> {
  const session = await PgSession.open(connection, o);
  try {
    return await work(session);
  } finally {
    await session.close();
  }
}

async function prepare(
  { client, connection }: Connected,
  settings: Readonly<Record<string, string>>,
): Promise<Backend> {
  const { rows } = await client.query<Backend>(
    `SELECT pg_catalog.current_setting('server_version_num')::int AS "versionNum",
            pg_catalog.pg_backend_pid() AS pid`,
  );
  const backend = rows[0] as Backend;
  assertDirect(client, backend.pid, connection);
  await client.query(
    `SELECT pg_catalog.set_config(s.name, w.value, false)
     FROM pg_catalog.jsonb_each_text($1::jsonb) AS w (name, value)
     JOIN pg_catalog.pg_settings s ON s.name = w.name`,
    [JSON.stringify(settings)],
  );
  return backend;
}
