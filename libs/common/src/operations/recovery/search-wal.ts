import { toMicroseconds } from '#common/domain/microseconds.js';
import { toSegmentNumber } from '#common/domain/wal.js';
import { withPgSession } from '#common/engines/postgres/pg-session.js';
import { PgTools, toInstallHint } from '#common/engines/postgres/pg-tools.js';
import { bytesOf, pathTo, timelinesOf } from '#common/engines/postgres/pitr/window.js';
import { identifyCluster } from '#common/engines/postgres/wal/push/registered-clusters.js';
import { type PlacedRelations, placeRelations } from '#common/engines/postgres/wal/search/relations.js';
import {
  type ArchiveSearch,
  type SearchResult,
  searchArchive,
} from '#common/engines/postgres/wal/search/search-archive.js';
import { AppError } from '#common/errors/app-error.js';
import type { PgConnection } from '#common/pg/connection.js';
import type { BackupRepository } from '#common/repository/backup-repository.js';
import { Keyring } from '#common/sealing/keyring.js';
import { type LoadedRecoverable, loadRecoverable } from './load-recoverable.js';
import { recoverBeside } from './recover-beside.js';
import { decideAmong } from './recover-dataset.js';

export interface WalQuestion extends Pick<ArchiveSearch, 'kinds' | 'atLeast' | 'limit'> {
  readonly dataset: string;
  /** As a session on the database would name it; undefined: all of its tables. */
  readonly table: string | undefined;
  /** Instants with their UTC offset. */
  readonly from: string;
  readonly to: string;
  /** Default: the newest that the archive knows. */
  readonly timeline?: number | undefined;
  /** The database: its tables are asked there, or, with `beside`, in a copy of its cluster from before `from`. */
  readonly connection: PgConnection;
  /** A folder in which such a copy is made and removed. */
  readonly beside?: string | undefined;
  readonly toolDirectories: readonly string[];
  /** Of this search alone: segments lie here, a few at a time. */
  readonly folder: string;
  /** How much of it at once; default 64 MiB. */
  readonly batchBytes?: number | undefined;
  readonly runId: string;
  readonly signal: AbortSignal;
}

export interface SearchWalDeps {
  readonly repository: BackupRepository;
  readonly onStage?: (stage: string) => void;
  readonly onUnheld?: (error: AppError) => void;
}

export interface WalAnswer extends SearchResult {
  readonly systemId: string;
  readonly timeline: number;
  readonly from: string;
  readonly to: string;
  /** What the archive says of its own end. */
  readonly archivedUntil: { readonly lsn: string; readonly at: string } | null;
}

/**
 * Which transactions changed a table in a span of time, by what is archived. Needs neither catalog nor bus; changes nothing.
 * Throws: request.invalid, wal.relation-unknown, wal.conflict, backup.missing, postgres.*, recovery.*, sealing.*; repository.*.
 */
export async function searchWal(q: WalQuestion, d: SearchWalDeps): Promise<WalAnswer> {
  const { dataset, signal } = q;
  const [from, to] = [toMicroseconds(q.from), toMicroseconds(q.to)];
  if (from > to) throw new AppError('request.invalid', `the span ends at ${q.to}, before it begins at ${q.from}`);
  const keyring = await Keyring.of(d.repository);
  const known = await loadRecoverable(dataset, { repository: d.repository, keyring, signal });
  const timeline = q.timeline ?? timelinesOf(known).at(-1) ?? 1;
  const waldump = await findWaldump(known, q);
  const { placed, notAfter } = await place(q, known, d);
  const { kinds, atLeast, limit, folder } = q;
  const { head, systemId } = known;
  const found = await searchArchive(
    { from, to, kinds, atLeast, limit, placed, isPlacedBefore: notAfter !== undefined, isOfAll: q.table === undefined },
    {
      ...{
        opened: known,
        path: pathTo(known, timeline),
        keyring,
        folder,
        waldump,
        notAfter,
        signal,
        batchBytes: q.batchBytes,
      },
      ...(d.onStage === undefined ? {} : { onStage: d.onStage }),
    },
  );
  const archivedUntil = head === undefined || head.timeline !== timeline ? null : { lsn: head.lsn, at: head.at };
  return { ...found, systemId, timeline, from, to, archivedUntil };
}

async function findWaldump(known: LoadedRecoverable, q: WalQuestion): Promise<string> {
  const major = Math.floor((known.bases.at(-1)?.facts.serverVersionNum ?? 0) / 10_000);
  const { toolDirectories: directories, signal } = q;
  const tools = await new PgTools().find(major, ['pg_waldump'], { directories, signal });
  if (tools.major === major) return tools.path('pg_waldump');
  const message = `pg_waldump of PostgreSQL ${tools.major} does not read the WAL of ${major}`;
  throw new AppError('postgres.tool-missing', message, {}, { hint: toInstallHint(major, ['pg_waldump']) });
}

interface Placed {
  readonly placed: PlacedRelations;
  /** The segment from which on the files of the relations are known; undefined: they are those of now. */
  readonly notAfter: bigint | undefined;
}

async function place(q: WalQuestion, known: LoadedRecoverable, d: SearchWalDeps): Promise<Placed> {
  const { connection, table, signal } = q;
  if (q.beside !== undefined) return placeBeside(q, q.beside, known, d);
  const { systemId } = await identifyCluster({ connection }, signal);
  if (systemId !== known.systemId) {
    const message = `the server of dataset "${q.dataset}" is cluster ${systemId} now, and the archive is that of ${known.systemId}`;
    throw new AppError('wal.relation-unknown', message, { systemId });
  }
  const options = { signal, applicationName: 'holdfast wal search' };
  const placed = await withPgSession(connection, options, (session) => placeRelations(session, table));
  return { placed, notAfter: undefined };
}

/** The copy is taken to where it is consistent, and no further: from there on WAL says what became of its tables. */
async function placeBeside(
  { dataset, from, timeline, table, connection, toolDirectories, runId, signal }: WalQuestion,
  root: string,
  known: LoadedRecoverable,
  d: SearchWalDeps,
): Promise<Placed> {
  const on = timeline === undefined ? {} : { timeline };
  const { base } = decideAmong(known, { target: { kind: 'time', at: from }, inclusive: true, ...on });
  const { backupId, facts } = base;
  const placed = await recoverBeside(
    {
      ...{ dataset, backupId, root, toolDirectories, runId, signal, onStage: d.onStage },
      goal: { target: { kind: 'immediate' }, inclusive: true, ...on },
    },
    { repository: d.repository, ...(d.onUnheld === undefined ? {} : { onUnheld: d.onUnheld }) },
    async ({ server }) => {
      const session = await server.open(connection.database);
      return placeRelations(session, table).finally(() => session.close());
    },
  );
  return { placed, notAfter: toSegmentNumber(bytesOf(facts.endLsn), facts.segmentBytes) };
}
