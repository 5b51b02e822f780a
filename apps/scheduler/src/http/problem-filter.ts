import { ZodError } from 'zod';
import { AppError, toAppError, toProblem } from '#common/errors/app-error.js';
import { Exit, type ExitCode } from '#common/errors/exit.js';
import { toIssueText } from '#common/errors/issue-text.js';
import type { Logger } from '#common/telemetry/logger.js';

const STATUS: Readonly<Record<ExitCode, number>> = {
  [Exit.done]: 200,
  [Exit.failed]: 500,
  [Exit.badInput]: 400,
  [Exit.refused]: 403,
  [Exit.unreachable]: 503,
};

interface Host {
  switchToHttp(): { getResponse<T>(): T };
}

interface HttpResponse {
  status(code: number): { json(body: unknown): void };
}

/** Every error of the API as one shape: `{ error: { code, message, hint, context } }`. */
export const problemFilter = (logger: Logger) => ({
  catch(thrown: unknown, host: Host): void {
    const { status, error } = toAnswer(thrown);
    if (status >= 500) logger.error({ err: thrown }, 'request failed');
    host
      .switchToHttp()
      .getResponse<HttpResponse>()
      .status(status)
      .json({ error: toProblem(error) });
  },
});

function toAnswer(thrown: unknown): { status: number; error: AppError } {
  if (thrown instanceof ZodError) {
    const issues = thrown.issues.map((issue) => toIssueText(issue, 'body'));
    return { status: 400, error: new AppError('request.invalid', issues.join('; '), { issues }) };
  }
  const status = httpStatusOf(thrown);
  if (status !== undefined) return { status, error: new AppError('request.invalid', (thrown as Error).message) };
  const error = toAppError(thrown);
  return { status: STATUS[error.exit], error };
}

/** Nest's own: an unknown path, a body that is not JSON. */
function httpStatusOf(thrown: unknown): number | undefined {
  const getStatus = (thrown as { getStatus?: () => number } | null)?.getStatus;
  return typeof getStatus === 'function' ? getStatus.call(thrown) : undefined;
}
