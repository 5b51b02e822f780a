import type { Readable } from 'node:stream';
import type pg from 'pg';
import { type Lsn, parseLsn } from '#common/domain/lsn.js';
import { toPgError } from '#common/engines/postgres/pg-errors.js';
import { KEEPALIVES } from '#common/engines/postgres/pg-liveness.js';
import { ClientEnd, connectClient } from '#common/engines/postgres/session-client.js';
import { AppError } from '#common/errors/app-error.js';
import type { PgConnection } from '#common/pg/connection.js';
import type { Sql } from '#common/pg/sql.js';
import { CopyCommand, type Row } from './copy-command.js';
import { UploadCommand } from './upload-command.js';

export interface ReplicationOptions {
  /** An abort ends the session at once. */
  readonly signal: AbortSignal;
  readonly applicationName: string;
}

/** Which cluster answers, and where it stands. */
export interface SystemIdentity {
  readonly systemId: string;
  readonly timeline: number;
  /** Flushed so far. */
  readonly lsn: Lsn;
}

/** A WAL sender in the middle of a copy hears no goodbye. */
const GOODBYE_MS = 2_000;

/** One session with a WAL sender: what `pg_basebackup` and `pg_receivewal` speak. Source: PostgreSQL "Streaming Replication Protocol". */
export class ReplicationSession {
  /** What the server warns of meanwhile, as it says it. */
  readonly notices: string[] = [];
  private readonly ending: ClientEnd;

  private constructor(
    private readonly client: pg.Client,
    private readonly connection: PgConnection,
    private readonly signal: AbortSignal,
  ) {
    client.on('notice', ({ message }) => this.notices.push(message ?? ''));
    this.ending = new ClientEnd(client, signal, () => (signal.aborted ? 0 : GOODBYE_MS));
  }

  /** To the host that the connection names first. Throws: postgres.*; the abort reason. */
  static async open(
    connection: PgConnection,
    { signal, applicationName }: ReplicationOptions,
  ): Promise<ReplicationSession> {
    // What kind of host it is, SQL has to ask, and has been asked before.
    const pinned: PgConnection = { ...connection, targetSession: 'any' };
    const options = { applicationName, settings: KEEPALIVES, isReplication: true, signal };
    const { client } = await connectClient(pinned, options, 'open a replication connection to');
    return new ReplicationSession(client, connection, signal);
  }

  async identify(): Promise<SystemIdentity> {
    const [row] = await this.query('IDENTIFY_SYSTEM');
    return {
      systemId: text(row, 'systemid'),
      timeline: Number(text(row, 'timeline')),
      lsn: parseLsn(text(row, 'xlogpos')),
    };
  }

  /** One command whose answer is rows. Throws: postgres.*. */
  async query(command: string | Sql): Promise<readonly Row[]> {
    const copy = this.copy(command);
    try {
      for await (const _ of copy.messages()) throw new AppError('internal.bug', 'the command copies data');
    } catch (error) {
      throw this.toError(error, 'send a replication command to');
    }
    return copy.answers.at(-1) ?? [];
  }

  /** One command whose answer is data as well. Errors of its messages are the driver's: `toError` makes ours of them. */
  copy(command: string | Sql): CopyCommand {
    this.signal.throwIfAborted();
    return this.client.query(new CopyCommand(typeof command === 'string' ? command : command.text));
  }

  /** One command that takes data. Destroys the body. Throws: what the body throws; what the driver throws. */
  upload(command: string, body: Readable): Promise<void> {
    this.signal.throwIfAborted();
    return this.client.query(new UploadCommand(command, body)).done;
  }

  toError(error: unknown, doing: string): unknown {
    return this.signal.aborted ? this.signal.reason : toPgError(error, this.connection, doing);
  }

  /** Idempotent, never throws. What runs in it is cancelled by the server. */
  close(): Promise<void> {
    return this.ending.close();
  }
}

/** Throws: engine.output for a server that answers otherwise. */
export function text(row: Row | undefined, column: string): string {
  const value = row?.[column];
  if (typeof value === 'string') return value;
  throw new AppError('engine.output', `the server answers a replication command without ${column}`);
}
