import { existsSync, readFileSync } from 'node:fs';

const TAIL_LINES = 20;

export interface TroubleDetails {
  /** A full sentence: what to do next. */
  readonly hint?: string;
  /** Whose end tells more. */
  readonly logFile?: string;
}

/** What a person at the terminal has to know: why it did not work, what to do next, and where to read on. */
export class Trouble extends Error {
  override readonly name = 'Trouble';

  constructor(
    message: string,
    readonly details: TroubleDetails = {},
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** What went wrong, what to do next, and the end of the log that tells more; on stderr. */
export function explain(what: string, error: unknown): void {
  const { hint, logFile } = error instanceof Trouble ? error.details : {};
  console.error(`\n${what} failed: ${error instanceof Error ? error.message : String(error)}`);
  if (hint) console.error(`hint: ${hint}`);
  // Not foreseen: where it happened is all there is to say.
  if (error instanceof Error && !(error instanceof Trouble)) console.error(error.stack);
  if (logFile === undefined || !existsSync(logFile)) return;
  const lines = readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-TAIL_LINES);
  console.error(`\n${logFile} ends with\n${lines.map((line) => `  ${line}`).join('\n')}`);
}
