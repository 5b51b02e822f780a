import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from 'pg';
import type { DataSource, QueryRunner } from 'typeorm';
import { toBackoffMs } from '#common/domain/backoff.js';
import { AppError } from '#common/errors/app-error.js';
import { type Sql, toSql } from './sql.js';
import { classifySqlError, isSqlError, toCatalogError } from './sql-errors.js';

export interface TransactionOptions {
  /** Repeat as long as this has not fired. Default: for 15 seconds. */
  readonly until?: AbortSignal;
}

const GIVE_UP_MS = 15_000;
const BACKOFF = { firstMs: 20, maxMs: 2_000 };
/** One try may not take longer: a server that vanished without closing its connections would hold us for a quarter of an hour. */
const TRY_MS = 60_000;

type Try<T> = { readonly value: T } | { readonly error: unknown; readonly failure: 'repeat' | 'unavailable' | 'final' };

/**
 * Commits `work` exactly once. The whole closure runs again, in a new transaction, after a deadlock, a lock timeout or a lost
 * connection, so it must do nothing but use its transaction. A connection lost during COMMIT leaves the outcome open: the
 * transaction's own id is asked then. Throws: catalog.unavailable, internal.bug, and what `work` throws.
 */
export async function runTransaction<T>(
  dataSource: DataSource,
  work: (sql: Sql) => Promise<T>,
  { until = AbortSignal.timeout(GIVE_UP_MS) }: TransactionOptions = {},
): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    const outcome = await tryOnce(dataSource, work, until);
    if ('value' in outcome) return outcome.value;
    const { error, failure } = outcome;
    if (failure === 'final') throw isSqlError(error) ? toCatalogError(error) : error;
    if (until.aborted) throw toCatalogError(error, true);
    await delay(toBackoffMs(tries, BACKOFF, Math.random()));
  }
}

async function tryOnce<T>(dataSource: DataSource, work: (sql: Sql) => Promise<T>, until: AbortSignal): Promise<Try<T>> {
  const runner = dataSource.createQueryRunner();
  let watch: ConnectionWatch | undefined;
  try {
    watch = watchConnection((await runner.connect()) as Client);
  } catch (error) {
    const failure = classifySqlError(error) === 'refused' ? 'final' : 'unavailable';
    return { error: toCatalogError(error, true), failure };
  }
  let commit: { readonly value: T; readonly xid: string | null } | undefined;
  try {
    await runner.startTransaction();
    const value = await work(toSql(runner));
    // Also fails, as it should, when `work` swallowed an error: COMMIT alone would quietly roll back.
    commit = { value, xid: await currentXid(runner) };
    await runner.commitTransaction();
    return { value };
  } catch (error) {
    const failure = watch.isLost() ? 'unavailable' : toFailure(error);
    if (failure === 'unavailable' && commit !== undefined && commit.xid !== null) {
      return (await wasCommitted(dataSource, commit.xid, until)) ? commit : { error, failure };
    }
    await rollback(runner);
    // The next try may reach a server that can: this one ran out of something, or is a standby.
    if (failure === 'unavailable') watch.drop();
    return { error, failure };
  } finally {
    watch.stop();
    await runner.release();
  }
}

function toFailure(error: unknown): 'repeat' | 'unavailable' | 'final' {
  const failure = isSqlError(error) ? classifySqlError(error) : 'other';
  return failure === 'repeat' || failure === 'unavailable' ? failure : 'final';
}

interface ConnectionWatch {
  isLost(): boolean;
  /** The pool forgets a connection that has ended. */
  drop(): void;
  stop(): void;
}

/** The driver tells a lost connection by an event, not by an error code. */
function watchConnection(client: Client): ConnectionWatch {
  let isLost = false;
  const onLost = () => {
    isLost = true;
  };
  client.on('error', onLost);
  client.on('end', onLost);
  const drop = () => {
    onLost();
    void client.end().catch(() => undefined);
  };
  const timer = setTimeout(drop, TRY_MS);
  return {
    isLost: () => isLost,
    drop,
    stop: () => {
      clearTimeout(timer);
      client.removeListener('error', onLost);
      client.removeListener('end', onLost);
    },
  };
}

async function currentXid(runner: QueryRunner): Promise<string | null> {
  const [row] = await runner.query('SELECT pg_current_xact_id_if_assigned()::text AS xid');
  return row.xid;
}

/** Asks until the server knows. Throws: catalog.unavailable when it cannot be asked in time. */
async function wasCommitted(dataSource: DataSource, xid: string, until: AbortSignal): Promise<boolean> {
  for (let tries = 1; ; tries += 1) {
    const status = await xactStatus(dataSource, xid);
    if (status === 'committed' || status === 'aborted') return status === 'committed';
    if (until.aborted) {
      throw new AppError(
        'catalog.unavailable',
        `whether transaction ${xid} was committed is not known: the catalog does not answer`,
      );
    }
    await delay(toBackoffMs(tries, BACKOFF, Math.random()));
  }
}

async function xactStatus(dataSource: DataSource, xid: string): Promise<string | undefined> {
  try {
    const [row] = await dataSource.query('SELECT pg_xact_status($1::xid8) AS status', [xid]);
    return row.status ?? undefined;
  } catch {
    return undefined;
  }
}

async function rollback(runner: QueryRunner): Promise<void> {
  if (!runner.isTransactionActive || runner.isReleased) return;
  try {
    await runner.rollbackTransaction();
  } catch {
    // The connection is gone, and the transaction with it.
  }
}
