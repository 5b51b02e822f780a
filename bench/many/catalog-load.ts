import type { Client } from 'pg';
import { toFixed } from '../report.js';

interface Totals {
  readonly commits: number;
  readonly rollbacks: number;
}

interface Statement {
  readonly text: string;
  readonly calls: number;
  readonly totalMs: number;
  readonly maxMs: number;
}

const TOTALS = `
  SELECT xact_commit::float8 AS commits, xact_rollback::float8 AS rollbacks
  FROM pg_stat_database WHERE datname = current_database()`;

const STATEMENTS = `
  SELECT query AS text, calls::float8 AS calls, total_exec_time AS "totalMs", max_exec_time AS "maxMs"
  FROM pg_stat_statements
  WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND query !~ 'pg_stat_'
  ORDER BY total_exec_time DESC`;

/** What the services asked of one catalog between `begin` and `report`, as its server counted it. */
export class CatalogLoad {
  private constructor(
    private readonly admin: Client,
    private readonly before: Totals,
    private readonly hasStatements: boolean,
  ) {}

  /** Without pg_stat_statements in the server, transactions are counted and statements are not. */
  static async begin(admin: Client): Promise<CatalogLoad> {
    const hasStatements = await admin
      .query(
        `CREATE EXTENSION IF NOT EXISTS pg_stat_statements;
         SELECT pg_stat_statements_reset(0, oid, 0) FROM pg_database WHERE datname = current_database()`,
      )
      .then(() => true)
      .catch(() => false);
    return new CatalogLoad(admin, await readTotals(admin), hasStatements);
  }

  /** Lines for people: totals, then statements by the time that they took. */
  async report(runs: number): Promise<string[][]> {
    // Sessions report what they did with a delay of up to a second.
    const now = await readTotals(this.admin);
    const commits = now.commits - this.before.commits;
    const rows = [
      ['transactions committed', toFixed(commits, 0), `${toFixed(commits / runs, 1)} a run`, '', ''],
      ['transactions rolled back', toFixed(now.rollbacks - this.before.rollbacks, 0), '', '', ''],
    ];
    if (!this.hasStatements) return [...rows, ['statements: the server has no pg_stat_statements', '', '', '', '']];
    const { rows: statements } = await this.admin.query<Statement>(STATEMENTS);
    const calls = statements.reduce((sum, statement) => sum + statement.calls, 0);
    const totalMs = statements.reduce((sum, statement) => sum + statement.totalMs, 0);
    return [
      ...rows,
      ['statements', toFixed(calls, 0), `${toFixed(calls / runs, 1)} a run`, '', ''],
      ['time in the server', `${toFixed(totalMs / 1_000, 1)} s`, `${toFixed(totalMs / runs, 1)} ms a run`, '', ''],
      ['', '', '', '', ''],
      ['statement', 'calls', 'total ms', 'mean ms', 'max ms'],
      ...statements.slice(0, 16).map(toRow),
    ];
  }
}

const toRow = ({ text, calls, totalMs, maxMs }: Statement): string[] => [
  text.replaceAll(/\s+/g, ' ').trim().replaceAll('holdfast.', '').slice(0, 88),
  ...[toFixed(calls, 0), toFixed(totalMs, 0), toFixed(totalMs / calls, 2), toFixed(maxMs, 1)],
];

async function readTotals(admin: Client): Promise<Totals> {
  const { rows } = await admin.query<Totals>(TOTALS);
  if (rows[0] === undefined) throw new Error('the server does not count this database');
  return rows[0];
}
