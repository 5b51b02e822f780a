import { createInterface } from 'node:readline/promises';
import { flag, list } from '../options.js';
import type { Options } from '../verb.js';

/** How the operator passes the steps that ask for it. */
export interface Approvals {
  /** Given beforehand. */
  isGiven(step: string): boolean;
  /** Asks at the terminal; undefined where there is none. The answer is what the operator typed. */
  readonly ask: ((question: string, signal: AbortSignal) => Promise<string>) | undefined;
}

export const approvalOptions = [
  ['--yes', 'pass every step that asks the operator'],
  ['--approve <list>', 'pass these steps that ask the operator, by name'],
] as const;

export function toApprovals(options: Options): Approvals {
  const names = list(options, 'approve') ?? [];
  const isThere = process.stdin.isTTY === true && process.stderr.isTTY === true;
  return {
    isGiven: (step) => flag(options, 'yes') || names.includes(step),
    ask: isThere ? askAtTerminal : undefined,
  };
}

async function askAtTerminal(question: string, signal: AbortSignal): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return (await terminal.question(question, { signal })).trim();
  } finally {
    terminal.close();
  }
}
