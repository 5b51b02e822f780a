import { closeSync, fstatSync, fsyncSync, openSync, readFileSync, renameSync, truncateSync, writeSync } from 'node:fs';
import { parseExactJson } from '#common/domain/exact-json.js';
import type { Json } from '#common/domain/json.js';

/**
 * A file of JSON lines, appended to. A line is written before the answer that promises it; a process that is killed while
 * writing leaves half a last line, which the next start cuts off.
 */
export class Journal {
  private file: number;

  constructor(private readonly path: string) {
    this.file = openSync(path, 'a');
  }

  get sizeBytes(): number {
    return fstatSync(this.file).size;
  }

  /** Every whole line that was written. Called once, before the first `append`. */
  read(): Json[] {
    const bytes = readFileSync(this.path);
    const end = bytes.lastIndexOf(0x0a) + 1;
    if (end < bytes.length) truncateSync(this.path, end);
    const lines = bytes.toString('utf8', 0, end).split('\n');
    return lines.filter((line) => line !== '').map(parseExactJson);
  }

  close(): void {
    closeSync(this.file);
  }

  append(entry: unknown): void {
    writeAll(this.file, `${JSON.stringify(entry)}\n`);
  }

  /** Replaces everything by these entries. A kill meanwhile leaves the old file whole. */
  rewrite(entries: Iterable<unknown>): void {
    const path = `${this.path}.new`;
    const file = openSync(path, 'w');
    for (const entry of entries) writeAll(file, `${JSON.stringify(entry)}\n`);
    fsyncSync(file);
    closeSync(file);
    renameSync(path, this.path);
    closeSync(this.file);
    this.file = openSync(this.path, 'a');
  }
}

/** A write may take a part only. */
function writeAll(file: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let offset = 0; offset < bytes.length; ) offset += writeSync(file, bytes, offset);
}
