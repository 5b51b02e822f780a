import { setTimeout as sleep } from 'node:timers/promises';
import type { RequestView, RunView } from '#common/contracts/api-views.js';
import { isSettled } from '#common/domain/run.js';
import { AppError, type Problem } from '#common/errors/app-error.js';
import { type Code, Codes } from '#common/errors/codes.js';
import type { VerbContext } from './verb.js';

const POLL_MS = 400;

type Follow = Pick<VerbContext, 'api' | 'output' | 'signal'>;

/** The command line reports a wait only after this: a service takes most requests, and begins most runs, at once. */
const TOLD_AFTER_MS = 5_000;

/** Waits until the request's run has ended. Throws: the problem when it was refused or failed, run.cancelled. */
export async function followRequest(request: RequestView, context: Follow): Promise<RunView> {
  const startedAt = performance.now();
  const tell = tellOnce(context, startedAt);
  let seen = request;
  while (seen.state === 'pending') {
    tell('waiting for a service to take the request', TOLD_AFTER_MS);
    context.output.progress('waiting for a service to take the request', null, performance.now() - startedAt);
    await sleep(POLL_MS, undefined, { signal: context.signal });
    seen = await context.api.findRequest(request.requestId);
  }
  if (seen.state === 'rejected') throw fromProblem(seen.error);
  return followRun(seen.runId, context);
}

/**
 * Waits until the run has ended, with a progress line on a terminal, and says each thing once that it waits for. `mayBeLate`: its request is still on its way.
 * Throws: the run's problem when it failed or was cancelled.
 */
export async function followRun(
  runId: string,
  { api, output, signal }: Follow,
  { mayBeLate = false }: { readonly mayBeLate?: boolean } = {},
): Promise<RunView> {
  const startedAt = performance.now();
  const tell = tellOnce({ output }, startedAt);
  for (;;) {
    const run = await api.run(runId).catch((error: unknown) => {
      if (mayBeLate && error instanceof AppError && error.code === 'run.missing') return undefined;
      throw error;
    });
    if (run?.state === 'completed') return run;
    if (run !== undefined && isSettled(run.state)) throw fromProblem(run.error);
    const label = run === undefined ? 'waiting for the next run' : `${run.kind} ${run.dataset} ${run.state}`;
    if (run?.state === 'queued') tell(toWaitText(run), run.retry === null ? TOLD_AFTER_MS : 0);
    output.progress(label, run?.progress ?? null, performance.now() - startedAt);
    await sleep(POLL_MS, undefined, { signal });
  }
}

/** A line for each new text, once the wait as a whole has lasted so long. */
function tellOnce({ output }: Pick<VerbContext, 'output'>, startedAt: number): (text: string, afterMs: number) => void {
  let told = '';
  return (text, afterMs) => {
    if (text === told || performance.now() - startedAt < afterMs) return;
    told = text;
    output.note(text);
  };
}

function toWaitText({ kind, dataset, retry, error }: RunView): string {
  const subject = `${kind} of ${dataset}`;
  if (retry === null || error === null)
    return `${subject} waits for its turn: \`holdfast runs list --state queued\` shows what is before it`;
  const since = retry.waitingSince === null ? '' : `, since ${retry.waitingSince}`;
  return `${subject} waits${since}: ${error.message} (${error.code}); it is tried again at ${retry.at}`;
}

function fromProblem(problem: Problem | null): AppError {
  if (problem === null || !(problem.code in Codes))
    return new AppError('internal.bug', problem?.message ?? 'the run ended without a reason');
  return new AppError(problem.code as Code, problem.message, problem.context, { hint: problem.hint });
}
