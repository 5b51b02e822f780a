import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { BaseFacts } from '#common/contracts/base-facts.js';
import type { Recovered, RecoveryGoal } from '#common/contracts/recovery-target.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';
import { PgTools, type PgToolset, toInstallHint } from '#common/engines/postgres/pg-tools.js';
import type { WalArchive } from '#common/engines/postgres/wal/wal-archive.js';
import { AppError } from '#common/errors/app-error.js';
import type { Keyring } from '#common/sealing/keyring.js';
import type { BaseMaterial } from './combine-copies.js';
import { giveTo, ownerFor } from './ownership.js';
import { toRecoverySettings } from './recovery-settings.js';
import { ScratchServer } from './scratch-server.js';
import { unpackBase } from './unpack-base.js';
import { fetchWal } from './wal-fetch.js';
import type { WalReach } from './wal-reach.js';

export interface RecoveryOrder {
  readonly facts: BaseFacts;
  readonly goal: RecoveryGoal;
  readonly timeline: number;
  readonly reach: WalReach;
  /** Whether everything that was committed up to the target is known to be archived: then the end of the WAL is the target. */
  readonly mayEndEarly: boolean;
  /** Absent or empty; becomes a data directory. */
  readonly directory: string;
  /** Where its tablespaces are to lie, by number. */
  readonly toTablespace: (oid: string) => string;
}

export interface RecoveryDeps {
  readonly material: BaseMaterial;
  /** Undefined: the base backup alone, with the WAL that it brings along. */
  readonly archive: WalArchive | undefined;
  readonly keyring: Keyring;
  readonly tools?: PgTools;
  readonly toolDirectories: readonly string[];
  readonly onStage?: (stage: string) => void;
}

export interface Reached extends Recovered {
  /** Databases whose collations another version of the locale library sorts: their indexes may be wrong. */
  readonly foreignCollations: readonly string[];
}

const RECOVERY_TOOLS = ['postgres', 'pg_verifybackup'] as const;
const COMBINING_TOOLS = [...RECOVERY_TOOLS, 'pg_combinebackup'] as const;

export interface RecoverOptions<T> {
  readonly signal: AbortSignal;
  /** Asks the recovered server, which is open for writing by then. */
  readonly use: (server: ScratchServer, reached: Reached) => Promise<T>;
}

/** The server programs of a backup's own major version: no other reads its files. Throws: postgres.tool-missing. */
export async function findRecoveryTools(
  { serverVersionNum, chain }: Pick<BaseFacts, 'serverVersionNum' | 'chain'>,
  { tools = new PgTools(), toolDirectories: directories }: Pick<RecoveryDeps, 'tools' | 'toolDirectories'>,
  signal: AbortSignal,
): Promise<PgToolset> {
  const major = Math.floor(serverVersionNum / 10_000);
  const needed = chain.length === 0 ? RECOVERY_TOOLS : COMBINING_TOOLS;
  const toolset = await tools.find(major, needed, { directories, signal });
  if (toolset.major === major) return toolset;
  const message = `a data directory of PostgreSQL ${major} needs the server programs of ${major}`;
  throw new AppError('postgres.tool-missing', message, {}, { hint: toInstallHint(major, needed) });
}

/**
 * Makes a data directory of a base backup and archived WAL, recovers it to the target with a server that no other client reaches, opens it
 * for writing on a timeline of its own, and lets `use` ask it. Afterwards the server is stopped cleanly and the directory is ready to start.
 * Throws: recovery.*, backup.corrupt, postgres.tool-missing; what `use` throws.
 */
export async function recover<T>(
  order: RecoveryOrder,
  d: RecoveryDeps,
  { signal, use }: RecoverOptions<T>,
): Promise<Reached & { readonly seen: T }> {
  const { facts, directory, toTablespace } = order;
  const owner = await ownerFor(directory);
  const toolset = await findRecoveryTools(facts, d, signal);
  await unpackBase({
    facts,
    material: d.material,
    directory,
    toTablespace,
    toolset,
    owner,
    signal,
    onStage: d.onStage,
  });
  const walFolder = `${directory}.wal`;
  d.onStage?.('wal');
  if (d.archive !== undefined)
    await fetchWal(order.reach.files, { archive: d.archive, keyring: d.keyring, folder: walFolder, owner, signal });
  const start = async (goal: RecoveryGoal): Promise<ScratchServer> => {
    const marker = join(directory, 'recovery.signal');
    await writeFile(marker, '', { mode: 0o600 });
    await giveTo(marker, owner);
    const settings = toRecoverySettings({ goal, timeline: order.timeline, walFolder });
    return ScratchServer.start({ directory, facts, toolset, owner, settings, signal });
  };
  d.onStage?.('recover');
  let server = await start(order.goal);
  try {
    let found = await untilReached(server).catch((error: unknown) => {
      if (order.mayEndEarly && hasEndedEarly(error)) return undefined;
      throw toNotReached(error, server.said);
    });
    if (found === undefined) {
      await server.stop();
      server = await start({ ...order.goal, target: { kind: 'latest' } });
      found = await untilReached(server);
    }
    d.onStage?.('open');
    const reached = { ...found, ...(await promote(server)) };
    await rm(walFolder, { recursive: true, force: true });
    const seen = await use(server, reached);
    await server.stop();
    return { ...reached, seen };
  } catch (error) {
    await server.stop();
    throw signal.aborted ? signal.reason : error;
  }
}

const REACHED = `
  SELECT pg_is_in_recovery() AS "isRecovering",
    pg_is_in_recovery() AND pg_get_wal_replay_pause_state() = 'paused' AS "isPaused",
    pg_last_wal_replay_lsn()::text AS lsn,
    to_char(pg_last_xact_replay_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS "lastCommitAt"`;

interface Replayed {
  readonly isRecovering: boolean;
  readonly isPaused: boolean;
  readonly lsn: string;
  readonly lastCommitAt: string | null;
}

/** Paused at the target, or open because the WAL has ended. */
async function untilReached(server: ScratchServer): Promise<Omit<Reached, 'timeline' | 'isOpenForWriting'>> {
  let session = await server.open();
  try {
    for (;;) {
      const state = await ask(session);
      if (state === undefined) {
        // A server that promotes itself may end sessions.
        await session.close();
        await server.throwIfGone();
        session = await server.open();
      } else if (state.isPaused || !state.isRecovering) {
        const foreignCollations = await findForeignCollations(session);
        return { lsn: state.lsn, lastCommitAt: state.lastCommitAt, foreignCollations };
      }
      await delay(50);
    }
  } finally {
    await session.close();
  }
}

const ask = (session: PgSession): Promise<Replayed | undefined> =>
  session.queryOne<Replayed>(REACHED).catch((error: unknown) => {
    if (error instanceof AppError && error.code === 'postgres.unreachable') return undefined;
    throw error;
  });

async function findForeignCollations(session: PgSession): Promise<string[]> {
  const rows = await session.query<{ name: string }>(
    `SELECT datname AS name FROM pg_database
     WHERE datcollversion <> pg_database_collation_actual_version(oid) ORDER BY 1`,
  );
  return rows.map(({ name }) => name);
}

async function promote(server: ScratchServer): Promise<Pick<Reached, 'timeline' | 'isOpenForWriting'>> {
  const session = await server.open();
  try {
    await session.query(`SELECT pg_promote(true, 600) WHERE pg_is_in_recovery()`);
    return await session.queryOne<Pick<Reached, 'timeline' | 'isOpenForWriting'>>(
      `SELECT ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int AS timeline,
         NOT pg_is_in_recovery() AS "isOpenForWriting"`,
    );
  } finally {
    await session.close();
  }
}

const hasEndedEarly = (error: unknown): boolean =>
  error instanceof AppError &&
  error.code === 'recovery.failed' &&
  /ended before configured recovery target/.test(error.message);

/** Source: PostgreSQL `xlogrecovery.c`: the server says it before it gives up. */
const LAST_COMMIT = /last completed transaction was at log time (.+)$/;

function toNotReached(error: unknown, said: readonly string[]): unknown {
  if (!hasEndedEarly(error)) return error;
  const at = LAST_COMMIT.exec(said.findLast((line) => LAST_COMMIT.test(line)) ?? '')?.[1];
  const last = at === undefined ? 'no commit was replayed' : `the last commit in it is of ${at}`;
  const message = `the archived WAL ended before the recovery target: ${last}`;
  return new AppError('recovery.not-reached', message, {}, { cause: error });
}
