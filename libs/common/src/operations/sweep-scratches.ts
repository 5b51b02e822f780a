import { withPgSession } from '#common/engines/postgres/pg-session.js';
import { type PostgresTarget, serverOf } from '#common/engines/postgres/postgres-dataset.js';
import {
  dropScratch,
  listScratches,
  markAbandoned,
  type Scratch,
  unmarkAbandoned,
} from '#common/engines/postgres/restore/dead-scratches.js';
import { type AppError, toAppError } from '#common/errors/app-error.js';

/** A run that nobody knows may be another installation's, or of a catalog that was lost: its database stays for so long. */
export const UNKNOWN_AFTER_MS = 24 * 3_600_000;

export interface SweepScratchesOptions {
  /** What is known of the run: over is over for ever. */
  readonly stateOf: (runId: string) => Promise<'open' | 'over' | 'unknown'>;
  readonly unknownAfterMs?: number;
}

export interface SweptScratches {
  readonly dropped: readonly string[];
  /** Those that should have gone and would not. */
  readonly failed: readonly { readonly name: string; readonly error: AppError }[];
}

/**
 * Drops the databases that attempts at restores began to fill and left when they died: those of runs that are over, and those of unknown
 * runs that no session has worked for in a long time. Never one of an open run: its next attempt does it. Throws: postgres.*; what
 * `stateOf` throws; the abort reason.
 */
export async function sweepScratches(
  target: Pick<PostgresTarget, 'connection'>,
  { stateOf, unknownAfterMs = UNKNOWN_AFTER_MS }: SweepScratchesOptions,
  signal: AbortSignal,
): Promise<SweptScratches> {
  return withPgSession(serverOf(target), { signal, applicationName: 'holdfast sweep' }, async (session) => {
    const dropped: string[] = [];
    const failed: { name: string; error: AppError }[] = [];
    for (const scratch of await listScratches(session)) {
      const step = decide(scratch, await stateOf(scratch.runId), unknownAfterMs);
      try {
        if (step === 'mark') await markAbandoned(session, scratch.name);
        if (step === 'unmark') await unmarkAbandoned(session, scratch.name);
        if (step !== 'drop') continue;
        await dropScratch(session, scratch);
        dropped.push(scratch.name);
      } catch (error) {
        signal.throwIfAborted();
        failed.push({ name: scratch.name, error: toAppError(error) });
      }
    }
    return { dropped, failed };
  });
}

function decide(
  { isAlive, abandonedForMs }: Scratch,
  state: 'open' | 'over' | 'unknown',
  unknownAfterMs: number,
): 'drop' | 'mark' | 'unmark' | 'keep' {
  if (state === 'over') return 'drop';
  if (state === 'open' || isAlive) return abandonedForMs === null ? 'keep' : 'unmark';
  if (abandonedForMs === null) return 'mark';
  return abandonedForMs > unknownAfterMs ? 'drop' : 'keep';
}
