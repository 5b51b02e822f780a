import { existsSync, readFileSync } from 'node:fs';
import { Trouble } from './trouble.js';

const TAIL_LINES = 20;

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
