import type { ProgressView } from '#common/contracts/api-views.js';
import { type AppError, toProblem } from '#common/errors/app-error.js';
import type { VerbResult } from '../verb-result.js';
import { toDetails } from './details.js';
import { toProgressLine } from './progress-line.js';

/** Where a verb's words go: the result to stdout, everything on the way to stderr. With `--json` stdout holds one document. */
export class Output {
  private hasProgressLine = false;

  constructor(
    private readonly isJson: boolean,
    private readonly out: NodeJS.WriteStream = process.stdout,
    private readonly err: NodeJS.WriteStream = process.stderr,
  ) {}

  result({ document, text }: VerbResult): void {
    this.endProgress();
    this.out.write(this.isJson ? `${JSON.stringify(document, null, 2)}\n` : `${text}\n`);
  }

  /** What one part of a verb did, at once: also when the next part fails it stays on stdout. A document has it all at the end. */
  part(text: string): void {
    if (this.isJson) return;
    this.endProgress();
    this.out.write(`${text}\n`);
  }

  problem(error: AppError): void {
    this.endProgress();
    if (this.isJson) this.out.write(`${JSON.stringify({ error: toProblem(error) }, null, 2)}\n`);
    else {
      const lines = [`error ${error.code}: ${error.message}`, ...toDetails(error), `hint: ${error.hint}`];
      this.err.write(`${lines.join('\n')}\n`);
    }
  }

  /** One line that a person should see; machines do not. */
  note(line: string): void {
    if (this.isJson) return;
    this.endProgress();
    this.err.write(`${line}\n`);
  }

  /** Redraws one line on a terminal; elsewhere it is silent, for a log is no place for a bar. */
  progress(label: string, progress: ProgressView | null, elapsedMs: number): void {
    if (this.isJson || !this.err.isTTY) return;
    this.err.write(`\r\u001b[2K${toProgressLine(label, progress, elapsedMs)}`);
    this.hasProgressLine = true;
  }

  private endProgress(): void {
    if (this.hasProgressLine) this.err.write('\n');
    this.hasProgressLine = false;
  }
}
