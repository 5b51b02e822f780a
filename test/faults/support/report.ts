import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runsEvery } from '#common/testing/representative.js';

/** One line of the table that the tier ends with. */
export interface FaultRow {
  /** What went wrong: `executor killed`, `catalog stopped`. */
  readonly fault: string;
  /** Where in the work: `backup: before the manifest is stored`. */
  readonly step: string;
  /** `held`, or what was broken. */
  readonly outcome: string;
  /** From the fault until the work was done after all; null when there is nothing to wait for. */
  readonly recoverySeconds: number | null;
}

/** Adds a row to the table that `npm run test:faults` prints; without a runner, to nothing. */
export async function reportRow(row: FaultRow): Promise<void> {
  const folder = process.env['HOLDFAST_FAULT_ROWS'];
  // A file per process: specs run beside each other.
  if (folder !== undefined) await appendFile(join(folder, `${process.pid}.jsonl`), `${JSON.stringify(row)}\n`);
}

export interface Chosen {
  /** Also run by `npm test`, which has no time for all of them. */
  readonly representative?: boolean;
}

/** Which cases run now: all of them under `npm run test:faults`, the representative ones otherwise. */
export const chosenOf = <Case extends Chosen>(cases: readonly Case[]): Case[] =>
  cases.filter(({ representative }) => representative || runsEvery);

/** Looks for broken promises, adds the row, and returns what it found: `[]` is what a spec expects. */
export async function conclude(row: Omit<FaultRow, 'outcome'>, find: () => Promise<string[]>): Promise<string[]> {
  const found = await find().catch((error: unknown) => [String(error)]);
  await reportRow({ ...row, outcome: found.length === 0 ? 'held' : found.join('; ') });
  return found;
}

/** What must come to its end before anything can be concluded: when it does not, that is the row. Throws what `work` throws. */
export async function orTell<T>(row: Pick<FaultRow, 'fault' | 'step'>, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const [outcome = ''] = String(error).split('\n');
    await reportRow({ ...row, outcome, recoverySeconds: null });
    throw error;
  }
}
