import type { ProgressView } from '#common/contracts/api-views.js';
import { type AppError, toProblem } from '#common/errors/app-error.js';
import { toText } from '#common/errors/printable.js';
import type { VerbResult } from '../verb-result.js';
import { toProgressLine } from './progress-line.js';
import { toShown } from './shown.js';

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

  problem(error: AppError): void {
    this.endProgress();
    if (this.isJson) this.out.write(`${JSON.stringify({ error: toProblem(error) }, null, 2)}\n`);
    else this.err.write(`error ${error.code}: ${error.message}\n${toDetails(error)}hint: ${error.hint}\n`);
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

/** The lists of a problem's context: what is known, accepted, refused. */
function toDetails({ context }: AppError): string {
  const lists = Object.entries(context).filter(([, value]) => Array.isArray(value) && value.length > 0) as [
    string,
    unknown[],
  ][];
  return lists.map(([name, values]) => `  ${name}: ${toShown(values.map(toText))}\n`).join('');
}
