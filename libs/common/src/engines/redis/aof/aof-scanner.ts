/** Longer lines are no lengths of anything. */
const MAX_LINE_BYTES = 4_096;

/**
 * Finds where the last whole command of an append-only file ends: the server goes on writing, and what is copied may end within one. What
 * stands between MULTI and EXEC counts only with its EXEC. Throws RangeError for what is no such file.
 */
export class AofScanner {
  commands = 0;
  /** So much of the file is whole. */
  wholeBytes = 0;
  private at = 0;
  private line = '';
  private bulkLeft = 0;
  private argumentsLeft = 0;
  private name: string | undefined;
  private isInTransaction = false;

  push(chunk: Buffer): void {
    for (let from = 0; from < chunk.length; ) {
      const count = this.bulkLeft > 0 ? this.takeBulk(chunk, from) : this.takeLine(chunk, from);
      from += count;
    }
  }

  private takeBulk(chunk: Buffer, from: number): number {
    const count = Math.min(this.bulkLeft, chunk.length - from);
    // The first argument is the name of the command; those that matter here are short.
    if (this.name !== undefined && this.name.length < 16)
      this.name += chunk.toString('latin1', from, from + Math.min(count, 16));
    this.bulkLeft -= count;
    this.at += count;
    if (this.bulkLeft === 0) this.endArgument();
    return count;
  }

  private takeLine(chunk: Buffer, from: number): number {
    const end = chunk.indexOf(0x0a, from);
    const count = (end < 0 ? chunk.length : end + 1) - from;
    this.line += chunk.toString('latin1', from, from + count);
    this.at += count;
    if (this.line.length > MAX_LINE_BYTES) throw new RangeError('a line is too long');
    if (end >= 0) {
      this.readLine(this.line.trimEnd());
      this.line = '';
    }
    return count;
  }

  private readLine(line: string): void {
    const [, sign, digits = ''] = /^([*$])(\d+)$/.exec(line) ?? [];
    if (sign === '*' && this.argumentsLeft === 0) {
      this.argumentsLeft = Number(digits);
      this.name = '';
    } else if (sign === '$' && this.argumentsLeft > 0) this.bulkLeft = Number(digits) + 2;
    else if (line.startsWith('#') && this.argumentsLeft === 0) this.endWhole();
    else throw new RangeError(`it has ${JSON.stringify(line.slice(0, 40))} where a command was expected`);
  }

  private endArgument(): void {
    const name = this.name?.trim().toLowerCase();
    if (name === 'multi') this.isInTransaction = true;
    if (name === 'exec') this.isInTransaction = false;
    this.name = undefined;
    this.argumentsLeft -= 1;
    if (this.argumentsLeft > 0) return;
    this.commands += 1;
    this.endWhole();
  }

  private endWhole(): void {
    if (!this.isInTransaction) this.wholeBytes = this.at;
  }
}
