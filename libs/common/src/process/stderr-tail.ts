import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';

const TAIL_CHARACTERS = 8_192;
const LINE_CHARACTERS = 8_192;

/** Reads a child's stderr as fast as it comes, so that a flood cannot block the child, and keeps only its end. */
export class StderrTail {
  private kept = '';
  private line = '';
  private readonly decoder = new StringDecoder('utf8');

  constructor(
    source: Readable,
    private readonly onLine: ((line: string) => void) | undefined,
  ) {
    source.on('data', (chunk: Buffer) => this.add(this.decoder.write(chunk)));
    source.on('end', () => this.flush());
  }

  /** Whole lines where there are any; starts with "…" when something before it was dropped. */
  get text(): string {
    const text = this.kept.trimEnd();
    if (text.length <= TAIL_CHARACTERS) return text;
    const tail = text.slice(-TAIL_CHARACTERS);
    const firstBreak = tail.indexOf('\n');
    return `…\n${firstBreak === -1 ? tail : tail.slice(firstBreak + 1)}`;
  }

  private add(text: string): void {
    this.kept += text;
    // Cut rarely: cutting for every chunk of a flood would copy the tail each time.
    if (this.kept.length > 8 * TAIL_CHARACTERS) this.kept = this.kept.slice(-TAIL_CHARACTERS - 1_024);
    if (this.onLine) this.splitLines(text, this.onLine);
  }

  private splitLines(text: string, onLine: (line: string) => void): void {
    const lines = (this.line + text).split('\n');
    this.line = (lines.pop() ?? '').slice(0, LINE_CHARACTERS);
    for (const line of lines) onLine(line.slice(0, LINE_CHARACTERS));
  }

  private flush(): void {
    this.add(this.decoder.end());
    if (this.line !== '') this.onLine?.(this.line);
    this.line = '';
  }
}
