import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RecoveryGoal } from '#common/contracts/recovery-target.js';
import { postgresEngine } from '#common/engines/postgres/postgres.engine.js';
import { recoverDataset } from '#common/operations/recovery/recover-dataset.js';
import { takeBackup } from '#common/operations/take-backup.js';
import { BackupTestBed } from '#common/testing/backup-test-bed.js';
import { RunningArchiver } from '#common/testing/running-archiver.js';
import { ThrowawayCluster } from '#common/testing/throwaway-cluster.js';

const { signal } = new AbortController();
const engine = postgresEngine();

/** What the database said of one row when it was committed. */
interface Committed {
  readonly id: number;
  /** Between the last statement before the commit and the first after it, by the database's clock. */
  readonly before: string;
  readonly after: string;
  /** Just behind the commit record. */
  readonly lsn: string;
}

const NOW = `to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;

/** Commits numbered rows, one after another, until it is stopped. */
class Writer {
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

let bed: BackupTestBed;
let cluster: ThrowawayCluster;
const writer = new Writer();
const others: ThrowawayCluster[] = [];

beforeAll(async () => {
  bed = await BackupTestBed.create();
  cluster = await ThrowawayCluster.create({ segmentMegabytes: 1, settings: { archive_mode: 'off' } });
  await cluster.query('CREATE TABLE numbers (id int PRIMARY KEY, note text)');
});
afterAll(async () => {
  await writer.stop();
  for (const each of [cluster, ...others]) await each.remove();
  await bed.remove();
});

const base = () => takeBackup(bed.attempt(cluster.dataset(), { method: 'base' }), bed.depsOf(engine), signal);

/** The ids that are there after a recovery, and what it says of itself. */
async function recoverTo(goal: RecoveryGoal) {
  const room = await cluster.placeCopy();
  others.push(room);
  const directory = room.dataDirectory;
  const options = { dataset: 'shop', goal, directory, toolDirectories: [cluster.binDir], signal };
  const result = await recoverDataset(options, { repository: bed.repository });
  await room.configure({});
  await room.start();
  const rows = await room.query<{ id: number }>('SELECT id FROM numbers ORDER BY id');
  await room.remove();
  others.pop();
  return { ids: rows.map(({ id }) => id), result };
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

describe('a recovery to a point in time', () => {
  let archiver: RunningArchiver;

  it('brings back exactly the rows that were committed before, whatever happened meanwhile', async () => {
    archiver = new RunningArchiver(cluster, bed.repository);
    writer.begin(cluster);
    await sleep(500);
    await base();
    const first = writer.committed.length;
    for (let round = 0; round < 3; round += 1) {
      await sleep(600);
      await archiver.kill();
      await sleep(200);
      archiver = new RunningArchiver(cluster, bed.repository);
    }
    await base();
    await sleep(1_500);
    await writer.stop();
    await archiver.until(await cluster.lsn());
    await archiver.untilComplete();
    await archiver.kill();
    const { committed } = writer;
    for (let round = 0; round < 3; round += 1) {
      const last = committed[randomInt(first + 1, committed.length - 1)] as Committed;
      const byTime = await recoverTo({ target: { kind: 'time', at: last.after }, inclusive: true });
      expect(byTime.ids).toEqual(upTo(last.id));
      const lastCommitAt = byTime.result.lastCommitAt ?? '';
      expect(lastCommitAt >= last.before && lastCommitAt <= last.after).toBe(true);
    }
    const last = committed[randomInt(first + 1, committed.length - 1)] as Committed;
    expect((await recoverTo({ target: { kind: 'lsn', lsn: last.lsn }, inclusive: false })).ids).toEqual(upTo(last.id));
    expect((await recoverTo({ target: { kind: 'latest' }, inclusive: true })).ids).toEqual(upTo(committed.length));
  }, 240_000);
});
