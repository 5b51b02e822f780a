import type { StateOf, Swept } from '#common/engines/engine.js';
import { type PgSession, withPgSession } from '#common/engines/postgres/pg-session.js';
import { type PostgresTarget, serverOf } from '#common/engines/postgres/postgres-dataset.js';
import { toAppError } from '#common/errors/app-error.js';
import { endRun, listRuns } from '../sessions.js';
import { dropScratch, listScratches, markAbandoned, type Scratch, unmarkAbandoned } from './dead-scratches.js';

/** A run that the catalog does not know may be another installation's, or of a catalog that was lost: its database stays for so long. */
export const UNKNOWN_AFTER_MS = 24 * 3_600_000;

export interface SweepServerOptions {
  readonly stateOf: StateOf;
  readonly unknownAfterMs?: number;
}

/**
 * Ends the sessions that runs have left on a server although they are over, then drops the databases that attempts at restores began to
 * fill and left when they died: those of runs that are over, and those of unknown runs that no session has worked for in a long time.
 * Never one of an open run: its next attempt does it. Throws: postgres.*; what `stateOf` throws; the abort reason.
 */
export function sweepServer(
  target: Pick<PostgresTarget, 'connection'>,
  o: SweepServerOptions,
  signal: AbortSignal,
): Promise<Swept> {
  return withPgSession(serverOf(target), { signal, applicationName: 'holdfast sweep' }, async (session) => {
    const sessions = await endRuns(session, o, signal);
    const scratches = await dropDead(session, o, signal);
    return {
      ended: sessions.ended,
      removed: scratches.removed,
      failed: [...sessions.failed, ...scratches.failed],
    };
  });
}

async function endRuns(
  session: PgSession,
  { stateOf }: SweepServerOptions,
  signal: AbortSignal,
): Promise<Pick<Swept, 'ended' | 'failed'>> {
  const ended: string[] = [];
  const failed: Swept['failed'][number][] = [];
  for (const runId of await listRuns(session)) {
    if ((await stateOf(runId)) !== 'over') continue;
    try {
      await endRun(session, runId, signal);
      ended.push(runId);
    } catch (error) {
      signal.throwIfAborted();
      failed.push({ what: `the sessions of run ${runId}, which is over`, error: toAppError(error) });
    }
  }
  return { ended, failed };
}

async function dropDead(
  session: PgSession,
  { stateOf, unknownAfterMs = UNKNOWN_AFTER_MS }: SweepServerOptions,
  signal: AbortSignal,
): Promise<Pick<Swept, 'removed' | 'failed'>> {
  const removed: string[] = [];
  const failed: Swept['failed'][number][] = [];
  for (const scratch of await listScratches(session)) {
    const step = decide(scratch, await stateOf(scratch.runId), unknownAfterMs);
    try {
      if (step === 'mark') await markAbandoned(session, scratch.name);
      if (step === 'unmark') await unmarkAbandoned(session, scratch.name);
      if (step !== 'drop') continue;
      await dropScratch(session, scratch);
      removed.push(scratch.name);
    } catch (error) {
      signal.throwIfAborted();
      failed.push({ what: `database ${scratch.name}, which a dead restore left`, error: toAppError(error) });
    }
  }
  return { removed, failed };
}

function decide(
  { isAlive, abandonedForMs }: Scratch,
  state: Awaited<ReturnType<StateOf>>,
  unknownAfterMs: number,
): 'drop' | 'mark' | 'unmark' | 'keep' {
  if (state === 'over') return 'drop';
  if (state === 'open' || isAlive) return abandonedForMs === null ? 'keep' : 'unmark';
  if (abandonedForMs === null) return 'mark';
  return abandonedForMs > unknownAfterMs ? 'drop' : 'keep';
}
