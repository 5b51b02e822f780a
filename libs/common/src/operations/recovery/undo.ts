import type { Recovered, RecoveryGoal } from '#common/contracts/recovery-target.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';
import { withPgSession } from '#common/engines/postgres/pg-session.js';
import { PgTools } from '#common/engines/postgres/pg-tools.js';
import type { PostgresTarget } from '#common/engines/postgres/postgres-dataset.js';
import { compareRows, type RowDifferences, type StagedRows } from '#common/engines/postgres/undo/compare-rows.js';
import { mergeRows } from '#common/engines/postgres/undo/merge-rows.js';
import { findForm, inOrderOfKeys, pairTable, type TablePair } from '#common/engines/postgres/undo/table-pair.js';
import type { AppError } from '#common/errors/app-error.js';
import { type PgConnection, withDatabase } from '#common/pg/connection.js';
import type { BackupRepository } from '#common/repository/backup-repository.js';
import { type BesideServer, recoverBeside } from './recover-beside.js';

export interface UndoRequest {
  readonly dataset: string;
  /** The moment before. */
  readonly goal: RecoveryGoal;
  readonly backupId?: string | undefined;
  /** Of the recovered cluster. */
  readonly sourceDatabase: string;
  /** Where rows come back to. */
  readonly target: PostgresTarget;
  readonly database: string;
  /** As a session on the live database names them. */
  readonly tables: readonly string[];
  /** A condition that restricts the rows of every table. */
  readonly where: string | undefined;
  /** Merge them; otherwise only say what differs. */
  readonly merge: boolean;
  /** Also make rows that changed what they were. */
  readonly withChanged: boolean;
  /** In which the cluster is recovered and removed. */
  readonly root: string;
  readonly toolDirectories: readonly string[];
  readonly runId: string;
  readonly onStage?: (stage: string) => void;
  readonly signal: AbortSignal;
}

export interface UndoDeps {
  readonly repository: BackupRepository;
  readonly onUnheld?: (error: AppError) => void;
  readonly onLeft?: (error: AppError) => void;
}

export interface UndoneTable extends RowDifferences {
  readonly table: string;
  readonly key: readonly string[];
  readonly notes: readonly string[];
}

export interface Undone {
  readonly recovered: Recovered;
  readonly tables: readonly UndoneTable[];
  /** null: nothing was to be merged. */
  readonly merged: readonly { readonly table: string; readonly inserted: number; readonly updated: number }[] | null;
}

/**
 * Recovers the cluster beside to the moment before, compares rows of tables with those that are live, and brings back what is missing, and what changed where
 * that is asked for, in one transaction. What was added since stays. The recovered server is removed in any case.
 * Throws: undo.*, recovery.*, backup.missing, postgres.*, sealing.*, engine.*; repository.*.
 */
export async function undo(request: UndoRequest, d: UndoDeps): Promise<Undone> {
  const { target, database, signal } = request;
  const live = withDatabase(target.connection, database);
  const session = { signal, applicationName: 'holdfast undo' };
  // Before the long part: a table that is not there now will not be there then.
  const now = await withPgSession(live, session, async (opened) => ({
    major: opened.serverMajor,
    forms: await Promise.all(request.tables.map((table) => findForm(opened, table))),
  }));
  const psql = { directories: [...target.toolDirectories, ...request.toolDirectories], signal };
  const tools = await new PgTools().find(now.major, ['psql'], psql);
  for (const [at, table] of request.tables.entries())
    if (now.forms[at] === undefined) pairTable(table, ABSENT, undefined);
  const { dataset, goal, backupId, root, toolDirectories, runId, onStage } = request;
  return recoverBeside(
    { dataset, goal, backupId, root, toolDirectories, runId, signal, onStage, onLeft: d.onLeft },
    { repository: d.repository, ...(d.onUnheld === undefined ? {} : { onUnheld: d.onUnheld }) },
    async (beside) => {
      const past = await beside.server.open(request.sourceDatabase);
      try {
        const pairs = await Promise.all(
          request.tables.map(async (table, at) => {
            const form = now.forms[at];
            return pairTable(table, await findForm(past, form?.name ?? table), form);
          }),
        );
        return await compareAndMerge(pairs, { beside, past, live, tools }, request);
      } finally {
        await past.close();
      }
    },
  );
}

const ABSENT = { name: '', columns: [], key: null, parents: null, triggers: null };

interface Servers {
  readonly beside: BesideServer;
  readonly past: PgSession;
  readonly live: PgConnection;
  readonly tools: Awaited<ReturnType<PgTools['find']>>;
}

async function compareAndMerge(
  pairs: readonly TablePair[],
  { beside, past, live, tools }: Servers,
  { where, merge, withChanged, target, onStage, signal }: UndoRequest,
): Promise<Undone> {
  const { folder, reached } = beside;
  const common = { live, tools, folder, applicationName: 'holdfast undo', signal };
  const tables: StagedRows[] = [];
  for (const [at, pair] of inOrderOfKeys(pairs).entries()) {
    onStage?.(`compare ${pair.name}`);
    tables.push(await compareRows(pair, at + 1, { ...common, past, where }));
  }
  if (merge) {
    onStage?.('merge');
    await mergeRows({ tables, withChanged }, { ...common, lockTimeoutMs: target.lockTimeoutMs });
  }
  const { lsn, lastCommitAt, timeline, isOpenForWriting } = reached;
  return {
    recovered: { lsn, lastCommitAt, timeline, isOpenForWriting },
    tables: tables.map(({ pair, missing, changed, added, keys }) => ({
      ...{ table: pair.name, key: pair.key, notes: pair.notes, missing, changed, added, keys },
    })),
    merged: merge
      ? tables.map(({ pair, missing, changed }) => ({
          ...{ table: pair.name, inserted: missing, updated: withChanged ? changed : 0 },
        }))
      : null,
  };
}
