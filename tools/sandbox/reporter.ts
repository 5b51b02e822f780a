/** Tells a story at a terminal: numbered steps, what happens in each, how long it took. */
export class Reporter {
  private readonly startedAt = performance.now();
  private stepStartedAt = 0;
  private step = 0;
  private lastProgress = '';
  private hasOpenLine = false;

  constructor(
    private readonly steps: number,
    private readonly out: NodeJS.WriteStream = process.stdout,
  ) {}

  /** Runs one step between its heading and its time. */
  async tell<T>(title: string, work: () => Promise<T>): Promise<T> {
    this.step += 1;
    this.stepStartedAt = performance.now();
    this.line(`\n[${String(this.step).padStart(2)}/${this.steps}] ${title}`);
    const result = await work();
    this.note(`done in ${toSeconds(performance.now() - this.stepStartedAt)}`);
    return result;
  }

  note(text: string): void {
    this.line(text.replaceAll(/^/gm, '        '));
  }

  /** At a terminal each replaces the one before it. */
  progress(text: string): void {
    if (text === this.lastProgress) return;
    this.lastProgress = text;
    if (!this.out.isTTY) {
      this.note(text);
      return;
    }
    this.out.write(`\r\x1b[2K        ${text}`);
    this.hasOpenLine = true;
  }

  line(text: string): void {
    if (this.hasOpenLine) this.out.write('\n');
    this.hasOpenLine = false;
    this.out.write(`${text}\n`);
  }

  get elapsed(): string {
    return toSeconds(performance.now() - this.startedAt);
  }
}

export const toSeconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

/** Decimal units, as disks and object storage count: 2.1 MB. */
export function toSize(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = bytes < 1 ? 0 : Math.min(Math.floor(Math.log10(bytes) / 3), units.length - 1);
  return `${power === 0 ? bytes : (bytes / 1000 ** power).toFixed(1)} ${units[power]}`;
}

/** Columns as wide as their widest cell; numbers to the right. */
export function toTable(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => String(row[column] ?? '').length)),
  );
  const pad = (cell: string | number, column: number): string => {
    const width = widths[column] ?? 0;
    return typeof cell === 'number' ? String(cell).padStart(width) : cell.padEnd(width);
  };
  const line = (row: readonly (string | number)[]): string => row.map(pad).join('  ').trimEnd();
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}
