import { type SweepResult, sweepAttempts } from '#common/operations/sweep-attempts.js';
import { loadKnowledge, type RetentionDeps } from './plan-retention.js';

/** Removes what dead attempts at a dataset left; the catalog tells which attempts are not dead. Throws: repository.*, catalog.unavailable. */
export async function sweepDead(
  dataset: string,
  { installation, catalog }: Pick<RetentionDeps, 'installation' | 'catalog'>,
  signal: AbortSignal,
): Promise<SweepResult> {
  const repository = installation.primaryRepository(dataset);
  const known = await loadKnowledge({ dataset, repository: repository.name }, catalog);
  const isProtected = (attempt: { readonly backupId: string; readonly attemptKey: string }): boolean =>
    known.backups.some(
      ({ id, state, attemptKey, isBeingMade }) =>
        id === attempt.backupId && (isBeingMade || (state === 'completed' && attemptKey === attempt.attemptKey)),
    );
  const hasWriter = known.backups.some(({ isBeingMade }) => isBeingMade);
  return sweepAttempts(repository, { dataset, isProtected, hasWriter }, signal);
}
