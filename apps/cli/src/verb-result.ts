import type { ExitCode } from '#common/errors/exit.js';

/** What a verb has to say: one document for machines, the same as text for people, and the exit code. */
export interface VerbResult {
  readonly document: unknown;
  readonly text: string;
  readonly exit: ExitCode;
}
