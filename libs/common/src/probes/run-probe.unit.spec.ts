import { describe, expect, it } from '@jest/globals';
import { AppError } from '#common/errors/app-error.js';
import { Exit } from '#common/errors/exit.js';
import type { ProbeContext } from './probe-context.js';
import { runProbe } from './run-probe.js';

const contextOf = (signal: AbortSignal): ProbeContext => ({ signal }) as ProbeContext;
const never = (): Promise<never> => new Promise(() => undefined);
const anyContext = contextOf(new AbortController().signal);

describe('runProbe', () => {
  it('names the probe and its duration in the outcome', async () => {
    const check = async () => ({ verdict: 'failed' as const, summary: '1 problem', evidence: [] });
    const outcome = await runProbe({ name: 'rls', timeoutMs: 1_000, check }, anyContext);
    expect(outcome).toEqual({
      probe: 'rls',
      verdict: 'failed',
      summary: '1 problem',
      evidence: [],
      durationMs: expect.any(Number),
    });
  });

  it('ends a probe that ignores its time limit, as an error', async () => {
    const running = runProbe({ name: 'http', timeoutMs: 10, check: never }, anyContext);
    await expect(running).rejects.toMatchObject({ code: 'probe.timeout', context: { probe: 'http', timeoutMs: 10 } });
  });

  it('gives the probe a signal that aborts with the time limit', async () => {
    let seen: AbortSignal | undefined;
    const check = ({ signal }: ProbeContext) => {
      seen = signal;
      return never();
    };
    await runProbe({ name: 'http', timeoutMs: 10, check }, anyContext).catch(() => undefined);
    expect(seen?.aborted).toBe(true);
  });

  it('passes on the reason of the run that was cancelled', async () => {
    const controller = new AbortController();
    const reason = new AppError('run.cancelled', 'asked to stop');
    const running = runProbe({ name: 'http', timeoutMs: 60_000, check: never }, contextOf(controller.signal));
    controller.abort(reason);
    await expect(running).rejects.toBe(reason);
  });

  it('says with the exit for unreachable that a server did not answer', async () => {
    const cause = new AppError('search.unreachable', 'the search server at search:7700 does not answer: ECONNREFUSED');
    const running = runProbe({ name: 'search', timeoutMs: 1_000, check: () => Promise.reject(cause) }, anyContext);
    const expected = { code: 'probe.unreachable', exit: Exit.unreachable, retryable: true, hint: cause.hint };
    await expect(running).rejects.toMatchObject(expected);
  });

  it('says that it could not look, keeping the hint of the cause', async () => {
    const cause = new AppError('engine.spawn', 'pg_restore cannot be started', { program: 'pg_restore' });
    const running = runProbe(
      { name: 'archive-list', timeoutMs: 1_000, check: () => Promise.reject(cause) },
      anyContext,
    );
    await expect(running).rejects.toMatchObject({
      code: 'probe.impossible',
      message: 'probe archive-list could not run: pg_restore cannot be started',
      hint: cause.hint,
      context: { probe: 'archive-list', cause: { code: 'engine.spawn' } },
    });
  });

  it.each([
    ['is not looked at again when its cause will not pass', new AppError('postgres.database-missing', 'no'), false],
    ['is looked at again when its cause may pass', new AppError('postgres.unreachable', 'no'), true],
    ['is looked at again when its cause is unknown', new TypeError('fetch failed'), true],
  ])('%s', async (_, cause, retryable) => {
    const running = runProbe({ name: 'sql', timeoutMs: 1_000, check: () => Promise.reject(cause) }, anyContext);
    await expect(running).rejects.toMatchObject({ retryable });
  });

  it.each([
    ['postgres.unreachable', 'probe.unreachable'],
    ['postgres.busy', 'probe.unreachable'],
    ['postgres.locked', 'probe.blocked'],
    ['search.unreachable', 'probe.unreachable'],
    ['repository.unavailable', 'probe.unreachable'],
  ] as const)('lets its run wait while the cause is %s', async (cause, code) => {
    const check = () => Promise.reject(new AppError(cause, 'no'));
    const running = runProbe({ name: 'sql', timeoutMs: 1_000, check }, anyContext);
    await expect(running).rejects.toMatchObject({ code, passes: true });
  });
});
