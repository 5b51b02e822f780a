import type { Run } from '#common/catalog/entities/run.entity.js';
import type { ProgressView, RunView } from '#common/contracts/api-views.js';

export const toRunView = (run: Run): RunView => ({
  id: run.id,
  kind: run.kind,
  dataset: run.dataset,
  state: run.state,
  attempt: run.attempt,
  maxAttempts: run.maxAttempts + run.attemptsForgiven,
  request: run.request,
  progress: run.progress as unknown as ProgressView | null,
  result: run.result,
  error: run.problem,
  retry: isToBeTriedAgain(run)
    ? { at: run.runAfter.toISOString(), waitingSince: run.waitingSince?.toISOString() ?? null }
    : null,
  createdAt: run.createdAt.toISOString(),
  startedAt: run.startedAt?.toISOString() ?? null,
  finishedAt: run.settledAt?.toISOString() ?? null,
});

const isToBeTriedAgain = ({ state, problem }: Run): boolean => state === 'queued' && problem !== null;
