import type { RunId } from '#common/domain/ids.js';
import type { Run } from './entities/run.entity.js';

/** The holding of one attempt at one run: what the fence compares. */
export interface Claim {
  readonly runId: RunId;
  readonly attempt: number;
  readonly owner: string;
  /** By the database's clock, as of the claim or its last renewal. */
  readonly expiresAt: Date;
}

/** A claim whose holder keeps it alive. The signal fires before the claim can expire, on cancel, at the deadline and at shutdown. */
export interface HeldClaim extends Claim {
  readonly signal: AbortSignal;
}

export interface ClaimedRun extends Run {
  readonly claim: HeldClaim;
}
