import { type Code, type CodeSpec, Codes } from './codes.js';
import type { ExitCode } from './exit.js';
import { toText } from './printable.js';

/** Facts about an error, safe to log and to publish: never a secret. */
export type ErrorContext = Readonly<Record<string, unknown>>;

/** What a failure looks like outside the process: in events, rows, HTTP answers and `--json`. */
export interface Problem<C extends string = string> {
  readonly code: C;
  readonly message: string;
  readonly hint: string;
  readonly context: ErrorContext;
}

/** Every expected failure. The message is lower case, names the object and has no stop; the code decides retry, exit and hint. */
export class AppError extends Error {
  override readonly name = 'AppError';

  constructor(
    readonly code: Code,
    message: string,
    readonly context: ErrorContext = {},
    options: ErrorOptions & { readonly hint?: string } = {},
  ) {
    super(message, options);
    this.hint = options.hint ?? this.spec.hint;
  }

  readonly hint: string;

  get retryable(): boolean {
    return this.spec.retryable;
  }

  get passes(): boolean {
    return this.spec.passes === true;
  }

  get exit(): ExitCode {
    return this.spec.exit;
  }

  private get spec(): CodeSpec {
    return Codes[this.code];
  }
}

/** Any thrown value as an AppError; an unexpected one becomes `internal.bug` and keeps its cause. */
export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  return new AppError('internal.bug', toText(error) || 'unknown error', {}, { cause: error });
}

export function toProblem(error: unknown): Problem<Code> {
  const { code, message, hint, context } = toAppError(error);
  return { code, message, hint, context };
}
