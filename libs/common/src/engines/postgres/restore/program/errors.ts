/** One error that a child wrote to stderr, with the command or detail that followed it. */
export interface Complaint {
  readonly message: string;
  /** SQLSTATE, where psql tells it. */
  readonly state: string | undefined;
  /** Number of the archive's entry that pg_restore was at. */
  readonly entry: number | undefined;
}

/**
 * The one command whose failure leaves the restored data whole: pg_restore 17 and newer sets a parameter that older servers lack. Told by
 * the command, not by the server's words: they may be in any language. Everything else fails the restore, above all "already
 * exists": the COPY that follows would double the rows.
 */
const HARMLESS = 'SET transaction_timeout = 0;';

const PG_RESTORE_ERROR = /^pg_restore: (?:error|fatal): (.*)$/;
const PG_RESTORE_ENTRY = /^pg_restore: from TOC entry (\d+);/;
const PG_RESTORE_COMMAND = /^Command was: (.*)$/;
const PG_RESTORE_SUMMARY = /^pg_restore: warning: errors ignored on restore: (\d+)$/;
const PSQL_ERROR = /^psql:[^\n]*?:\d+: [^:]+:\s+(?:([0-9A-Z]{5}): )?(.*)$/;
const PSQL_OWN_ERROR = /^psql: error: (.*)$/;
/** What follows an error of psql and may quote rows. */
const PSQL_DETAIL_OF_DROP = /^(?:[A-Z]+:\s+)?(.* depends on .*)$/;
const DEPENDENTS_EXIST = '2BP01';
const MAX_KEPT = 50;

/** Reads what pg_restore and psql write to stderr, line by line, and keeps errors only: everything else may quote rows. */
export class Complaints {
  private readonly kept: Seen[] = [];
  private last: Seen | undefined;
  private entry: number | undefined;
  private ignored: number | undefined;
  private harmlessCount = 0;
  private fatalCount = 0;

  read(line: string): void {
    const complaint = toComplaint(line);
    if (complaint === undefined) this.readSequel(line);
    else this.add(complaint);
  }

  get harmless(): string[] {
    return this.kept.filter(({ isHarmless }) => isHarmless).map(({ message }) => message);
  }

  get fatal(): Complaint[] {
    return this.kept.filter(({ isHarmless }) => !isHarmless).map(({ isHarmless, ...complaint }) => complaint);
  }

  /** How many fatal ones came after those that are kept. */
  get unkept(): number {
    return this.fatalCount - this.fatal.length;
  }

  /**
   * Whether an exit status of 1 is explained by harmless complaints alone: pg_restore's own count must agree. Parallel jobs write over
   * each other's lines and are not all counted, so with them the answer is no.
   */
  get areAllHarmless(): boolean {
    return this.fatalCount === 0 && this.harmlessCount > 0 && this.ignored === this.harmlessCount;
  }

  private readSequel(line: string): void {
    const summary = PG_RESTORE_SUMMARY.exec(line)?.[1];
    if (summary !== undefined) this.ignored = Number(summary);
    const entry = PG_RESTORE_ENTRY.exec(line)?.[1];
    if (entry !== undefined) this.entry = Number(entry);
    const { last } = this;
    if (last === undefined) return;
    if (PG_RESTORE_COMMAND.exec(line)?.[1] === HARMLESS && !last.isHarmless) {
      last.isHarmless = true;
      this.harmlessCount += 1;
      this.fatalCount -= 1;
    }
    const dependents = last.state === DEPENDENTS_EXIST ? PSQL_DETAIL_OF_DROP.exec(line)?.[1] : undefined;
    if (dependents !== undefined) last.message += `; ${dependents}`;
  }

  private add(complaint: Omit<Complaint, 'entry'>): void {
    this.fatalCount += 1;
    this.last = { ...complaint, entry: this.entry, isHarmless: false };
    if (this.kept.length < MAX_KEPT) this.kept.push(this.last);
  }
}

interface Seen extends Complaint {
  message: string;
  isHarmless: boolean;
}

function toComplaint(line: string): Omit<Complaint, 'entry'> | undefined {
  const [, state, message] = PSQL_ERROR.exec(line) ?? [];
  if (message !== undefined) return { message, state };
  const own = (PG_RESTORE_ERROR.exec(line) ?? PSQL_OWN_ERROR.exec(line))?.[1];
  return own === undefined ? undefined : { message: own, state: undefined };
}
