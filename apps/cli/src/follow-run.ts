import { setTimeout as sleep } from 'node:timers/promises';
import type { RequestView, RunView } from '#common/contracts/api-views.js';
import { isSettled } from '#common/domain/run.js';
import { AppError, type Problem } from '#common/errors/app-error.js';
import { type Code, Codes } from '#common/errors/codes.js';
import type { VerbContext } from './verb.js';

const POLL_MS = 400;

type Follow = Pick<VerbContext, 'api' | 'output' | 'signal'>;

/** Waits until the request's run has ended. Throws: the problem when it was refused or failed, run.cancelled. */
export async function followRequest(request: RequestView, context: Follow): Promise<RunView> {
  const startedAt = performance.now();
  let seen = request;
  while (seen.state === 'pending') {
    context.output.progress('waiting for a service to take the request', null, performance.now() - startedAt);
    await sleep(POLL_MS, undefined, { signal: context.signal });
    seen = await context.api.findRequest(request.requestId);
  }
  if (seen.state === 'rejected') throw fromProblem(seen.error);
  return followRun(seen.runId, context);
}

/**
 * Waits until the run has ended, with a progress line on a terminal. `mayBeLate`: its request is still on its way.
 * Throws: the run's problem when it failed or was cancelled.
 */
export async function followRun(
  runId: string,
  { api, output, signal }: Follow,
  { mayBeLate = false }: { readonly mayBeLate?: boolean } = {},
): Promise<RunView> {
  const startedAt = performance.now();
  for (;;) {
    const run = await api.run(runId).catch((error: unknown) => {
      if (mayBeLate && error instanceof AppError && error.code === 'run.missing') return undefined;
      throw error;
    });
    if (run?.state === 'completed') return run;
    if (run !== undefined && isSettled(run.state)) throw fromProblem(run.error);
    const label = run === undefined ? 'waiting for the next run' : `${run.kind} ${run.dataset} ${run.state}`;
    output.progress(label, run?.progress ?? null, performance.now() - startedAt);
    await sleep(POLL_MS, undefined, { signal });
  }
}

function fromProblem(problem: Problem | null): AppError {
  if (problem === null || !(problem.code in Codes))
    return new AppError('internal.bug', problem?.message ?? 'the run ended without a reason');
  return new AppError(problem.code as Code, problem.message, problem.context, { hint: problem.hint });
}
