import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ThrowawayCluster } from './throwaway-cluster.js';

/** What the database said of one row when it was committed. */
export interface Committed {
  readonly id: number;
  /** Between the last statement before the commit and the first after it, by the database's clock. */
  readonly before: string;
  readonly after: string;
  /** Just behind the commit record. */
  readonly lsn: string;
}

const NOW = `to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;

/** Commits numbered rows, one after another, until it is stopped. */
export class RowWriter {
  readonly committed: Committed[] = [];
  private isStopped = false;
  private writing: Promise<void> = Promise.resolve();

  begin(cluster: ThrowawayCluster): void {
    this.isStopped = false;
    this.writing = this.write(cluster);
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    await this.writing;
  }

  private async write(cluster: ThrowawayCluster): Promise<void> {
    const session = await cluster.open();
    while (!this.isStopped) {
      const id = this.committed.length + 1;
      const { at: before } = await session.queryOne<{ at: string }>(`SELECT ${NOW} AS at`);
      await session.query(`INSERT INTO numbers VALUES ($1::int, repeat(md5($1::int::text), $2::int))`, [
        id,
        randomInt(1, 800),
      ]);
      const after = await session.queryOne<{ at: string; lsn: string }>(
        `SELECT ${NOW} AS at, pg_current_wal_insert_lsn()::text AS lsn`,
      );
      this.committed.push({ id, before, after: after.at, lsn: after.lsn });
      await sleep(randomInt(0, 15));
    }
    await session.close();
  }
}
