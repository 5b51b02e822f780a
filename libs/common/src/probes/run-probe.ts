import type { ProbeOutcome } from '#common/domain/verdict.js';
import { AppError, toProblem } from '#common/errors/app-error.js';
import { Exit } from '#common/errors/exit.js';
import type { ProbeFinding } from './evidence.js';
import type { ProbeContext } from './probe-context.js';

interface RunnableProbe<C extends Signalled> {
  readonly name: string;
  readonly timeoutMs: number;
  check(context: C): Promise<ProbeFinding>;
}

type Signalled = Pick<ProbeContext, 'signal'>;

/**
 * Runs one probe under its time limit. A probe that ignores its signal is left behind, not waited for.
 * Throws, when it could not look, which is no verdict: probe.timeout, probe.failed, probe.blocked, probe.unreachable, probe.impossible (whose cause no
 * later attempt would find changed); or the reason of `context.signal`.
 */
export async function runProbe<C extends Signalled>(probe: RunnableProbe<C>, context: C): Promise<ProbeOutcome> {
  context.signal.throwIfAborted();
  const limit = AbortSignal.timeout(probe.timeoutMs);
  const signal = AbortSignal.any([context.signal, limit]);
  const startedAt = performance.now();
  const watch = toRejection(signal);
  try {
    const finding = await Promise.race([probe.check({ ...context, signal }), watch.aborted]);
    return { probe: probe.name, ...finding, durationMs: Math.round(performance.now() - startedAt) };
  } catch (error) {
    if (context.signal.aborted) throw context.signal.reason;
    if (limit.aborted) throw toTimeout(probe, error);
    throw toFailure(probe.name, error);
  } finally {
    watch.release();
  }
}

function toRejection(signal: AbortSignal): { aborted: Promise<never>; release: () => void } {
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  promise.catch(() => undefined);
  return { aborted: promise, release: () => signal.removeEventListener('abort', onAbort) };
}

const toTimeout = ({ name, timeoutMs }: Omit<RunnableProbe<Signalled>, 'check'>, cause: unknown): AppError =>
  new AppError(
    'probe.timeout',
    `probe ${name} did not end within ${timeoutMs} ms`,
    { probe: name, timeoutMs },
    { cause },
  );

type ProbeFailure = 'probe.blocked' | 'probe.failed' | 'probe.impossible' | 'probe.unreachable';

/** A run waits for a server that is away and for a lock that is held, tries again what it does not know, and gives up what no attempt changes. */
function toCode(error: unknown): ProbeFailure {
  if (!(error instanceof AppError)) return 'probe.failed';
  if (error.exit === Exit.unreachable) return 'probe.unreachable';
  if (error.passes) return 'probe.blocked';
  return error.retryable ? 'probe.failed' : 'probe.impossible';
}

/** The cause's own hint says more than ours, so it is kept. */
function toFailure(name: string, error: unknown): AppError {
  const cause = toProblem(error);
  const context = { probe: name, cause: { code: cause.code, context: cause.context } };
  const options = error instanceof AppError ? { cause: error, hint: error.hint } : { cause: error };
  return new AppError(toCode(error), `probe ${name} could not run: ${cause.message}`, context, options);
}
