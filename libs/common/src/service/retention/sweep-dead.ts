import { type ContentSweep, sweepContent } from '#common/operations/content/sweep-content.js';
import { type SweepResult, sweepAttempts } from '#common/operations/sweep-attempts.js';
import { loadKnowledge, type RetentionDeps } from './plan-retention.js';

export interface SweepDeadDeps extends Pick<RetentionDeps, 'installation' | 'catalog'> {
  /** A backup has just been deleted, so shared objects may not be needed any more. */
  readonly hasDeleted: boolean;
}

export interface DeadSweep extends SweepResult {
  readonly content: ContentSweep;
}

/**
 * Removes what dead attempts at a dataset left, and shared objects that nothing needs; the catalog tells which attempts are not dead. Throws: repository.*, catalog.unavailable.
 */
export async function sweepDead(
  dataset: string,
  { installation, catalog, hasDeleted }: SweepDeadDeps,
  signal: AbortSignal,
): Promise<DeadSweep> {
  const repository = installation.primaryRepository(dataset);
  const known = await loadKnowledge({ dataset, repository: repository.name }, catalog);
  const isProtected = (attempt: { readonly backupId: string; readonly attemptKey: string }): boolean =>
    known.backups.some(
      ({ id, state, attemptKey, isBeingMade }) =>
        id === attempt.backupId && (isBeingMade || (state === 'completed' && attemptKey === attempt.attemptKey)),
    );
  const hasWriter = known.backups.some(({ isBeingMade }) => isBeingMade);
  const result = await sweepAttempts(repository, { dataset, isProtected, hasWriter }, signal);
  const { workDirectory } = installation.config.executor;
  const isDue = hasDeleted || result.swept.length > 0;
  return { ...result, content: await sweepContent(repository, { dataset, isDue, workDirectory }, signal) };
}
