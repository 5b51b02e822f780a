import { closeSync, openSync, writeSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { compareCodePoints } from '#common/domain/code-points.js';
import { readLines } from './line-stream.js';

export interface KeyedLine {
  readonly key: string;
  /** Without a line break. */
  readonly line: string;
}

export interface SortedLinesOptions {
  /** For what does not fit into memory; the caller makes and removes it. */
  readonly folder: string;
  /** Of this sort, in the folder. */
  readonly name: string;
  readonly maxBytes?: number;
  readonly maxRuns?: number;
}

const MAX_BYTES = 4 << 20;
/** Merged at once, each with a buffer. */
const MAX_RUNS = 64;
const BUFFER_BYTES = 16 << 10;
/** Written at once. */
const BATCH_LINES = 256;
/** What an entry costs besides its characters. */
const OVERHEAD = 96;

/**
 * Takes lines in any order and gives them back sorted by key, by code points; lines of one key in the order in which they came. What
 * does not fit into memory waits in sorted runs on disk, so that a million lines need no more memory than ten thousand. Throws: what the disk throws.
 */
export class SortedLines {
  private held: KeyedLine[] = [];
  private heldBytes = 0;
  private runs: string[] = [];
  private made = 0;
  private readonly maxBytes: number;
  private readonly maxRuns: number;

  constructor(private readonly o: SortedLinesOptions) {
    this.maxBytes = o.maxBytes ?? MAX_BYTES;
    this.maxRuns = o.maxRuns ?? MAX_RUNS;
  }

  /** Writes to disk at once when memory is full: a few milliseconds for thousands of lines. */
  add(key: string, line: string): void {
    this.held.push({ key, line });
    this.heldBytes += key.length + line.length + OVERHEAD;
    if (this.heldBytes >= this.maxBytes) this.spill();
  }

  /** All that was added; once. */
  async *sorted(): AsyncGenerator<KeyedLine> {
    if (this.runs.length === 0) {
      yield* this.takeHeld();
      return;
    }
    this.spill();
    while (this.runs.length > this.maxRuns) {
      const joined: string[] = [];
      // Neighbours, so that lines of one key stay in order; each pass reads every line once.
      for (let i = 0; i < this.runs.length; i += this.maxRuns)
        joined.push(await this.merge(this.runs.slice(i, i + this.maxRuns)));
      this.runs = joined;
    }
    yield* mergeRuns(this.runs);
    for (const file of this.runs) await rm(file, { force: true });
  }

  private takeHeld(): KeyedLine[] {
    const lines = this.held.sort((a, b) => compareCodePoints(a.key, b.key));
    [this.held, this.heldBytes] = [[], 0];
    return lines;
  }

  private spill(): void {
    if (this.held.length === 0) return;
    const file = this.nextFile();
    const descriptor = openSync(file, 'wx', 0o600);
    try {
      const lines = this.takeHeld();
      for (let i = 0; i < lines.length; i += BATCH_LINES) {
        const batch = lines.slice(i, i + BATCH_LINES).map(toText);
        writeSync(descriptor, batch.join(''));
      }
    } finally {
      closeSync(descriptor);
    }
    this.runs.push(file);
  }

  private async merge(runs: readonly string[]): Promise<string> {
    const file = this.nextFile();
    const output = await open(file, 'wx', 0o600);
    try {
      let batch: string[] = [];
      for await (const line of mergeRuns(runs)) {
        batch.push(toText(line));
        if (batch.length < BATCH_LINES) continue;
        await output.write(batch.join(''));
        batch = [];
      }
      await output.write(batch.join(''));
    } finally {
      await output.close();
    }
    for (const each of runs) await rm(each, { force: true });
    return file;
  }

  private nextFile(): string {
    this.made += 1;
    return join(this.o.folder, `${this.o.name}-${this.made}.run`);
  }
}

/** A key may hold any character; as JSON it holds no tab. */
const toText = ({ key, line }: KeyedLine): string => `${JSON.stringify(key)}\t${line}\n`;

function fromText(text: string): KeyedLine {
  const end = text.indexOf('\t');
  return { key: JSON.parse(text.slice(0, end)) as string, line: text.slice(end + 1) };
}

interface Head {
  readonly order: number;
  current: KeyedLine;
  readonly rest: AsyncGenerator<string>;
}

async function* mergeRuns(files: readonly string[]): AsyncGenerator<KeyedLine> {
  const heads: Head[] = [];
  try {
    for (const [order, file] of files.entries()) {
      const handle = await open(file, 'r');
      const rest = readLines(handle.createReadStream({ highWaterMark: BUFFER_BYTES }));
      const first = await rest.next();
      if (!first.done) push(heads, { order, current: fromText(first.value), rest });
    }
    for (let least = heads[0]; least !== undefined; least = heads[0]) {
      yield least.current;
      const next = await least.rest.next();
      if (next.done) removeFirst(heads);
      else {
        least.current = fromText(next.value);
        sink(heads, 0);
      }
    }
  } finally {
    for (const { rest } of heads) await rest.return(undefined);
  }
}

const isBefore = (a: Head, b: Head): boolean => {
  const order = compareCodePoints(a.current.key, b.current.key);
  return order < 0 || (order === 0 && a.order < b.order);
};

/** A binary heap: the least head is the first. */
function push(heap: Head[], head: Head): void {
  heap.push(head);
  for (let at = heap.length - 1; at > 0; ) {
    const parent = (at - 1) >> 1;
    if (!swapIfBefore(heap, at, parent)) return;
    at = parent;
  }
}

function removeFirst(heap: Head[]): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return;
  heap[0] = last;
  sink(heap, 0);
}

function sink(heap: Head[], from: number): void {
  for (let at = from; ; ) {
    const [left, right] = [2 * at + 1, 2 * at + 2];
    const [leftHead, rightHead] = [heap[left], heap[right]];
    if (leftHead === undefined) return;
    const child = rightHead !== undefined && isBefore(rightHead, leftHead) ? right : left;
    if (!swapIfBefore(heap, child, at)) return;
    at = child;
  }
}

function swapIfBefore(heap: Head[], child: number, parent: number): boolean {
  const [lower, upper] = [heap[child], heap[parent]];
  if (lower === undefined || upper === undefined || !isBefore(lower, upper)) return false;
  [heap[child], heap[parent]] = [upper, lower];
  return true;
}
