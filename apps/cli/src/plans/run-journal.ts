import {
  closeSync,
  fdatasyncSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { FileFence } from '#common/engines/file-fence.js';
import { AppError, toAppError } from '#common/errors/app-error.js';
import { toText } from '#common/errors/printable.js';
import { JournalLine, type LineOf } from '#common/operations/plans/journal-line.js';
import { addLine, type RunState, toRunState } from '#common/operations/plans/run-state.js';
import { newLocalId } from '../local/local-identity.js';

const FILE = 'journal.ndjson';
const LOCK = 'held-by.json';

/** Without its time, which the journal adds. */
export type NewLine = { [L in JournalLine as L['type']]: Omit<L, 'at'> }[JournalLine['type']];

/**
 * The journal of one run, open for writing in this process alone. A line is on the disk when `append` returns; the last one may be torn by a
 * crash and then was never written.
 */
export class RunJournal {
  private constructor(
    private readonly fd: number,
    private readonly fence: FileFence,
    private current: RunState,
  ) {}

  get state(): RunState {
    return this.current;
  }

  /** Throws: plan.journal where the directory cannot be written. */
  static async create(directory: string, begun: Omit<LineOf<'begun'>, 'at'>): Promise<RunJournal> {
    const folder = join(directory, begun.runId);
    const line: JournalLine = { ...begun, at: new Date().toISOString() };
    try {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      const fence = await hold(folder, begun.runId);
      const fd = openSync(join(folder, FILE), 'ax', 0o600);
      write(fd, line);
      for (const each of [folder, directory, dirname(directory)]) sync(each);
      return new RunJournal(fd, fence, toRunState([line]));
    } catch (error) {
      throw error instanceof AppError ? error : toJournalError(`cannot write to ${folder}`, error);
    }
  }

  /** Throws: plan.run-missing; plan.busy while another process runs it; plan.journal. */
  static async open(directory: string, runId: string): Promise<RunJournal> {
    const folder = join(directory, runId);
    // Before the lock, which makes a file there.
    readRun(directory, runId);
    const fence = await hold(folder, runId);
    try {
      const { state, wholeBytes } = readRun(directory, runId);
      const fd = openSync(join(folder, FILE), 'r+');
      // A torn line would swallow the next one.
      ftruncateSync(fd, wholeBytes);
      closeSync(fd);
      return new RunJournal(openSync(join(folder, FILE), 'a'), fence, state);
    } catch (error) {
      await fence.close();
      throw error instanceof AppError ? error : toJournalError(`cannot open the journal in ${folder}`, error);
    }
  }

  /** Throws: plan.journal; then nothing was begun that the line would tell of. */
  append(line: NewLine): void {
    const whole = { ...line, at: new Date().toISOString() } as JournalLine;
    try {
      write(this.fd, whole);
    } catch (error) {
      throw toJournalError(`cannot write the journal of run ${this.current.begun.runId}`, error);
    }
    this.current = { ...addLine(this.current, whole), lastAt: whole.at };
  }

  async close(): Promise<void> {
    closeSync(this.fd);
    await this.fence.close();
  }
}

/** What the journal of a run says now. Throws: plan.run-missing, plan.journal. */
export function readRun(directory: string, runId: string): { readonly state: RunState; readonly wholeBytes: number } {
  const file = join(directory, runId, FILE);
  const bytes = read(file, runId);
  const wholeBytes = bytes.lastIndexOf('\n') + 1;
  const lines = bytes.subarray(0, wholeBytes).toString('utf8').split('\n').slice(0, -1);
  const state = toRunState(lines.map((text, index) => parse(text, `${file}, line ${index + 1}`)));
  return { state, wholeBytes };
}

function read(file: string, runId: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw toJournalError(`cannot read ${file}`, error);
    throw new AppError('plan.run-missing', `there is no run ${runId} in ${dirname(dirname(file))}`);
  }
}

function parse(text: string, place: string): JournalLine {
  try {
    return JournalLine.parse(JSON.parse(text));
  } catch (error) {
    throw new AppError(
      'plan.journal',
      `${place} is no line of a journal that this version can read`,
      {},
      { cause: error },
    );
  }
}

function write(fd: number, line: JournalLine): void {
  const bytes = Buffer.from(`${JSON.stringify(line)}\n`);
  for (let written = 0; written < bytes.length; ) written += writeSync(fd, bytes, written);
  fdatasyncSync(fd);
}

/** A new name is on the disk with the directory that holds it. */
function sync(directory: string): void {
  const fd = openSync(directory, 'r');
  fsyncSync(fd);
  closeSync(fd);
}

/** Held under a name of this process: what a dead process held is taken over, what a living one holds is not. */
async function hold(folder: string, runId: string): Promise<FileFence> {
  const identity = { runId: newLocalId(), attempt: 1 };
  try {
    const place = { file: join(folder, LOCK), code: 'plan.journal' as const };
    return await FileFence.open(place, identity, { signal: AbortSignal.timeout(60_000) });
  } catch (error) {
    if (toAppError(error).code !== 'restore.busy') throw error;
    const hint = `Let it end, or stop it; where it is on another machine and dead, remove ${join(folder, LOCK)}.`;
    throw new AppError('plan.busy', `another process works on run ${runId} now`, { runId }, { hint });
  }
}

const toJournalError = (what: string, cause: unknown): AppError =>
  new AppError('plan.journal', `${what}: ${toText((cause as NodeJS.ErrnoException).code ?? cause)}`, {}, { cause });
