import { TcpGate, type TcpGateAddress } from '#common/testing/tcp-gate.js';
import { type Breakpoint, Hold } from './breakpoint.js';
import { conversing } from './conversation.js';
import { PgConversation, type SeenStatement } from './pg-conversation.js';

export interface StatementMatch {
  /** The statement's text, with its values behind it when they are sent apart. */
  readonly statement: RegExp;
  /** One of the earlier statements of the same transaction: tells one COMMIT from another. */
  readonly within?: RegExp;
  readonly application?: RegExp;
}

/** Stands before a PostgreSQL server: one statement can be held before the server hears it, or after the server did it. */
export class PgGate {
  /** What came by, for a spec that waited in vain. */
  readonly statements: SeenStatement[] = [];
  private readonly before: Hold<StatementMatch>[] = [];
  private readonly after: Hold<StatementMatch>[] = [];
  private gate: TcpGate | undefined;

  static async open(server: TcpGateAddress): Promise<PgGate> {
    const pg = new PgGate();
    const watcher = {
      onStatement: (seen: SeenStatement) => pg.statements.push(seen),
      before: (seen: SeenStatement) => take(pg.before, seen),
      after: (seen: SeenStatement) => take(pg.after, seen),
    };
    pg.gate = await TcpGate.open(server, { wire: conversing(() => new PgConversation(watcher)) });
    return pg;
  }

  get port(): number {
    return this.gate?.port ?? 0;
  }

  /** The server never hears of it while it is held. */
  holdBefore(match: StatementMatch): Breakpoint {
    return arm(this.before, match);
  }

  /** The server has done it, and the client does not know while it is held. */
  holdAfter(match: StatementMatch): Breakpoint {
    return arm(this.after, match);
  }

  /** The server is gone, for those who come this way. */
  shut(): void {
    this.gate?.shut();
  }

  reopen(): void {
    this.gate?.reopen();
  }

  async close(): Promise<void> {
    await this.gate?.close();
  }
}

function arm(holds: Hold<StatementMatch>[], match: StatementMatch): Breakpoint {
  const hold = new Hold(match);
  holds.push(hold);
  return hold;
}

const take = (holds: readonly Hold<StatementMatch>[], seen: SeenStatement): Hold<StatementMatch> | undefined =>
  holds.find((hold) => hold.isArmed && fits(hold.match, seen));

const fits = ({ statement, within, application }: StatementMatch, seen: SeenStatement): boolean =>
  statement.test(seen.text) &&
  (within === undefined || seen.earlier.some((text) => within.test(text))) &&
  (application === undefined || application.test(seen.application));
