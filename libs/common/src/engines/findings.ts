import type { Recovered } from '#common/contracts/recovery-target.js';

/**
 * What a restore did, created or left, that a person may have to act on: texts by the driver's own names (`createdRoles`). Nobody can find
 * it out afterwards, so a later attempt has to learn it from an earlier one.
 */
export type Findings = Readonly<Record<string, readonly string[]>>;

export interface Remembered {
  readonly findings: Findings;
  /** By what a later attempt recognises a destination that an earlier one made whole; null: none has come so far. */
  readonly doneMark: string | null;
  /** How far what an archiver stored was replayed; null: it was not. */
  readonly recovered: Recovered | null;
}

/** Keeps what was found for later attempts, and returns what all of them found. */
export type Remember = (found: Partial<Remembered>) => Promise<Remembered>;
