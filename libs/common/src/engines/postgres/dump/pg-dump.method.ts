import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SnapshotFacts } from '#common/contracts/snapshot-facts.js';
import type { BackupMethod, MadeBackup, OpenOptions } from '#common/engines/engine.js';
import { assertReadable } from '#common/engines/postgres/facts/access.js';
import { readMigrationHead } from '#common/engines/postgres/facts/migration.js';
import { pinFactSettings } from '#common/engines/postgres/facts/pinned-session.js';
import { type CatalogFacts, readCatalogFacts } from '#common/engines/postgres/facts/read.js';
import { readSequences } from '#common/engines/postgres/facts/sequences.js';
import { listTables, type TableEntry, toTableListKey } from '#common/engines/postgres/facts/tables.js';
import { sqlStateOf } from '#common/engines/postgres/pg-errors.js';
import { PgSession, type PgSessionOptions, withPgSession } from '#common/engines/postgres/pg-session.js';
import type { PgTools, PgToolset } from '#common/engines/postgres/pg-tools.js';
import type { PostgresDataset } from '#common/engines/postgres/postgres-dataset.js';
import { findTableLocks, toLockContext, toLockText } from '#common/engines/postgres/table-locks.js';
import { AppError, toAppError } from '#common/errors/app-error.js';
import { type Chain, spawnChain } from '#common/process/spawn-chain.js';
import type { Sealing } from '#common/sealing/sealing.js';
import { findReasonForOneJob } from './directory/directory-objects.js';
import { toCommandsByHand } from './dump-by-hand.js';
import { DUMP_TOOLS, toDumpCommand } from './dump-commands.js';
import { awaitDumpLocks } from './dump-locks.js';
import { type HeldSnapshot, type HoldOptions, holdSnapshot, inHeldSnapshot, isInTheWay } from './dump-snapshot.js';
import { PgDumpOutput, type StartedDump } from './pg-dump-output.js';

/** What becomes of the archive behind pg_dump, and of small objects. */
export type Seal = Pick<Sealing, 'tail' | 'bytes'>;

interface DumpOptions extends Omit<OpenOptions, 'sealing'> {
  readonly sealing: Seal;
  /** Awaited between the snapshot and the dump of it; again with each snapshot that is taken anew. What it throws ends the dump. */
  readonly beforeDump?: () => Promise<void>;
}

/** Logical backups of one database in pg_dump's custom format, with its roles beside it. */
export class PgDumpMethod implements BackupMethod<PostgresDataset, SnapshotFacts> {
  readonly name = 'dump';
  readonly byHand = (made: MadeBackup<SnapshotFacts>): readonly string[] => toCommandsByHand(made);

  /** `tries`: how often a session that alters tables may come in between before the backup fails. The default takes some ten seconds. */
  constructor(
    private readonly tools: PgTools,
    private readonly tries = 20,
  ) {}

  /**
   * Fixes the snapshot that the dump will show, starts the dump and begins to count.
   * Throws: postgres.*, engine.*, config.invalid. Source: PostgreSQL "pg_dump", "Snapshot Synchronization Functions".
   */
  async open(asked: PostgresDataset, o: DumpOptions): Promise<PgDumpOutput> {
    // A safety dump is of a database that is about to be replaced: what the application would answer there is no condition.
    const unasked = { migrationHeadQuery: undefined, fingerprintTables: [], tenantTables: undefined };
    const dataset = o.purpose === 'safety' ? { ...asked, ...unasked } : asked;
    const stop = new AbortController();
    const signal = AbortSignal.any([o.signal, stop.signal]);
    const applicationName = o.applicationName ?? `holdfast dump ${dataset.name}`;
    const session: PgSessionOptions = { signal, applicationName };
    o.onStage?.('connect');
    return withPgSession(dataset.connection, session, async (reader) => {
      const search = { directories: dataset.toolDirectories, signal };
      const { jobs, warnings } = await decideJobs(dataset, reader);
      const wanted = jobs > 1 ? ([...DUMP_TOOLS, 'psql'] as const) : DUMP_TOOLS;
      const toolset = await this.tools.find(reader.serverMajor, wanted, search);
      await readMigrationHead(reader, dataset.migrationHeadQuery);
      o.onStage?.('snapshot');
      // One server for all: a snapshot of one host means nothing to another.
      const source = { ...dataset, connection: reader.connection };
      const lockTimeout = { lock_timeout: `${lockTimeoutOf(dataset)}ms` };
      const holder = await PgSession.open(source.connection, { ...session, settings: lockTimeout });
      try {
        const { readBusPosition, beforeDump, sealing } = o;
        const shared = { dataset: source, toolset, sealing, applicationName, signal };
        const around = { readBusPosition, beforeDump, tries: this.tries };
        // Of several jobs pg_dump writes only the beginning, which is read here.
        const first = jobs > 1 ? { ...sealing, tail: () => [] } : sealing;
        const started = await startDump({ holder, reader }, { ...shared, ...around, sealing: first });
        return new PgDumpOutput({ ...shared, holder, started, stop, jobs, warnings });
      } catch (error) {
        stop.abort(error);
        await holder.close();
        throw error;
      }
    });
  }
}

async function decideJobs(
  { dump }: PostgresDataset,
  reader: PgSession,
): Promise<{ readonly jobs: number; readonly warnings: readonly string[] }> {
  const jobs = dump?.jobs ?? 1;
  const reason = jobs > 1 ? await findReasonForOneJob(reader) : undefined;
  if (reason === undefined) return { jobs, warnings: [] };
  return { jobs: 1, warnings: [`dumped by one job instead of ${jobs}, for ${reason}`] };
}

export interface StartOptions extends HoldOptions {
  readonly dataset: PostgresDataset;
  readonly toolset: PgToolset;
  readonly sealing: Seal;
  readonly applicationName: string;
  readonly beforeDump: DumpOptions['beforeDump'];
  /** A migration or a nightly TRUNCATE is over after a few. */
  readonly tries: number;
}

/** `holder` keeps locks and snapshot; `reader` does all other reading, in short transactions. */
export interface DumpSessions {
  readonly holder: PgSession;
  readonly reader: PgSession;
}

const MAX_PAUSE_MS = 1_000;

/**
 * Starts a dump of which it is certain that no table was truncated or altered between its snapshot and its own locks.
 * A session that comes in between goes first, and the method takes the snapshot anew.
 * Throws: postgres.changing, postgres.locked, postgres.permission, postgres.rls-hidden, engine.*.
 */
export async function startDump(sessions: DumpSessions, o: StartOptions): Promise<StartedDump> {
  const { holder, reader } = sessions;
  await pinFactSettings(holder);
  await pinFactSettings(reader);
  let inTheWay: AppError | undefined;
  for (let attempt = 1; attempt <= o.tries; attempt += 1) {
    const giveUp = new AbortController();
    try {
      return await tryStart(sessions, o, giveUp);
    } catch (error) {
      giveUp.abort(error);
      if (!isInTheWay(error)) throw error;
      inTheWay = toAppError(error);
    }
    await holder.query('ROLLBACK');
    await sleep(Math.min(5 * 2 ** attempt * Math.random(), MAX_PAUSE_MS), undefined, { signal: o.signal });
  }
  throw new AppError(
    inTheWay?.code ?? 'postgres.changing',
    `${inTheWay?.message ?? 'tables change'}, ${o.tries} times in a row`,
    {},
    { cause: inTheWay },
  );
}

async function tryStart(sessions: DumpSessions, o: StartOptions, giveUp: AbortController): Promise<StartedDump> {
  const { holder, reader } = sessions;
  await assertReadable(reader);
  const tables = await listTables(reader);
  const sequences = await readSequences(reader);
  const snapshot = await holdSnapshot(holder, tables, o).catch(async (error) => {
    throw isLockTimeout(error) ? await toLockedError(sessions, tables, o) : error;
  });
  await o.beforeDump?.();
  const { chain, applicationName } = spawnDump(snapshot, o, AbortSignal.any([o.signal, giveUp.signal]));
  try {
    await awaitDumpLocks(reader, { applicationName, tables, ended: chain.ended, signal: o.signal });
    const catalog = await inHeldSnapshot(reader, snapshot, () =>
      readCatalogFacts(reader, o.dataset.migrationHeadQuery),
    );
    assertSame(toTableListKey(tables), toTableListKey(catalog.tables), holder);
    assertSame(toNames(sequences), toNames(catalog.sequences), holder);
    const { takenAt, lsn } = snapshot;
    // The sequences as they were before the dump read them: that is never more than the dump has.
    return { snapshot, chain, catalog: { ...catalog, sequences, database: { ...catalog.database, takenAt, lsn } } };
  } catch (error) {
    giveUp.abort(error);
    await chain.ended.catch(() => undefined);
    throw error;
  }
}

export const lockTimeoutOf = ({ lockTimeoutMs = 30_000 }: PostgresDataset): number => lockTimeoutMs;

const isLockTimeout = (error: unknown): boolean => sqlStateOf(error) === '55P03';

/** A transaction that takes so long is not about to end. Whose it is, another session can see. */
async function toLockedError(
  { holder, reader }: DumpSessions,
  tables: readonly TableEntry[],
  { dataset }: StartOptions,
): Promise<AppError> {
  const relations = tables.map(({ name }) => name);
  const locks = await findTableLocks(reader, { relations, exclusiveOnly: true, except: [holder.backendPid] });
  const who = toLockText(locks) || 'another session had one of them, and has let go by now';
  const message = `waited ${lockTimeoutOf(dataset) / 1_000} s in vain for the tables of ${holder.label}: ${who}`;
  return new AppError('postgres.locked', message, toLockContext(locks));
}

function spawnDump(
  snapshot: HeldSnapshot,
  { dataset, toolset, ...o }: StartOptions,
  signal: AbortSignal,
): { chain: Chain; applicationName: string } {
  // pg_stat_activity must tell this dump from that of the try before. 63 bytes at most.
  const applicationName = `${o.applicationName.slice(0, 54)} ${randomBytes(4).toString('hex')}`;
  const command = toDumpCommand(dataset, toolset, { snapshot: snapshot.id, applicationName });
  return { applicationName, chain: spawnChain([command, ...o.sealing.tail()], { signal }) };
}

const toNames = (sequences: CatalogFacts['sequences']): string => JSON.stringify(sequences.map(({ name }) => name));

function assertSame(before: string, now: string, { label }: PgSession): void {
  if (before !== now) throw new AppError('postgres.changing', `the tables of ${label} changed while they were locked`);
}
