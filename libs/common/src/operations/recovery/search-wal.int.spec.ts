import { randomUUID } from 'node:crypto';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { postgresEngine } from '#common/engines/postgres/postgres.engine.js';
import { CHANGE_KINDS } from '#common/engines/postgres/wal/search/collect-transactions.js';
import { takeBackup } from '#common/operations/take-backup.js';
import { parsePgUrl, withDatabase } from '#common/pg/connection.js';
import { BackupTestBed } from '#common/testing/backup-test-bed.js';
import { RunningArchiver } from '#common/testing/running-archiver.js';
import { ThrowawayCluster } from '#common/testing/throwaway-cluster.js';
import { searchWal, type WalAnswer, type WalQuestion } from './search-wal.js';

const { signal } = new AbortController();
const engine = postgresEngine();

let bed: BackupTestBed;
let cluster: ThrowawayCluster;
let archiver: RunningArchiver;
let folder: string;
/** Transactions of the spec, by what they did. */
const did: Record<string, string> = {};
let began: string;
let ended: string;

const now = async (): Promise<string> => {
  const [row] = await cluster.query<{ at: string }>(
    `SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at`,
  );
  return row?.at ?? '';
};

/** Runs statements as one transaction and notes its number. */
async function commit(what: string, ...statements: readonly string[]): Promise<void> {
  const session = await cluster.open();
  await session.query('BEGIN');
  for (const statement of statements) await session.query(statement);
  did[what] = (await session.queryOne<{ xid: string }>('SELECT pg_current_xact_id()::text AS xid')).xid;
  await session.query('COMMIT');
  await session.close();
}

beforeAll(async () => {
  bed = await BackupTestBed.create();
  cluster = await ThrowawayCluster.create({ segmentMegabytes: 1, settings: { max_prepared_transactions: '5' } });
  folder = join(bed.folder, 'search');
  await mkdir(folder, { recursive: true });
  await cluster.query('CREATE TABLE orders (id int PRIMARY KEY, note text, big text)');
  await cluster.query('CREATE INDEX ON orders (note)');
  await cluster.query('CREATE TABLE customers (id int PRIMARY KEY, name text)');
  await cluster.query('CREATE TABLE filler (line text)');
  await cluster.query(`INSERT INTO orders SELECT id, 'n' || id FROM generate_series(1, 100) id`);
  archiver = new RunningArchiver(cluster, bed.repository);
  await takeBackup(bed.attempt(cluster.dataset(), { method: 'base' }), bed.depsOf(engine), signal);
  began = await now();
  await commit('insert', `INSERT INTO orders SELECT id, 'n' FROM generate_series(101, 120) id`);
  await commit('delete', 'DELETE FROM orders WHERE id <= 40', 'SAVEPOINT s', 'DELETE FROM orders WHERE id <= 50');
  await commit('fill', `INSERT INTO filler SELECT repeat(md5(id::text), 30) FROM generate_series(1, 6000) id`);
  await commit('update', `UPDATE orders SET note = 'x' WHERE id > 110`);
  await commit('empty', 'TRUNCATE orders, customers');
  await commit('refill', 'INSERT INTO orders SELECT generate_series(1, 7)');
  await cluster.query('VACUUM FULL orders');
  await commit('alter', 'ALTER TABLE orders ALTER id TYPE bigint');
  await commit('late', 'DELETE FROM orders WHERE id = 7');
  const undone = await cluster.open();
  await undone.query('BEGIN');
  await undone.query('DELETE FROM orders');
  await undone.query('ROLLBACK');
  await undone.close();
  ended = await now();
  await commit('drop', 'DROP TABLE customers');
  await archiver.until(await cluster.lsn());
  await archiver.untilComplete();
}, 120_000);

afterAll(async () => {
  await archiver.kill();
  await cluster.remove();
  await bed.remove();
});

const search = (changes: Partial<WalQuestion> = {}): Promise<WalAnswer> =>
  searchWal(
    {
      ...{ dataset: 'shop', table: 'orders', from: began, to: ended, kinds: CHANGE_KINDS, atLeast: 0, limit: 100 },
      ...{ connection: cluster.connection, toolDirectories: [cluster.binDir], folder, runId: randomUUID(), signal },
      // Two segments at a time: the records of this archive cross many borders.
      ...{ batchBytes: 1, ...changes },
    },
    { repository: bed.repository },
  );

/** What each transaction did to a table, by what the spec calls it. */
function told({ transactions }: WalAnswer, table = 'public.orders'): [string, unknown][] {
  const nameOf = (xid: string): string => Object.entries(did).find(([, each]) => each === xid)?.[0] ?? xid;
  return transactions.flatMap(({ xid, relations }) =>
    relations.flatMap(({ relation, changes }): [string, unknown][] =>
      relation === table ? [[nameOf(xid), changes]] : [],
    ),
  );
}

const ORDERS = [
  ['insert', { insert: 20 }],
  ['delete', { delete: 50 }],
  ['update', { update: 10 }],
  ['empty', { truncate: 1 }],
  ['refill', { insert: 7 }],
  [expect.any(String), { rewrite: 1 }],
  ['alter', { rewrite: 1 }],
  ['late', { delete: 1 }],
];

describe('a search in archived WAL', () => {
  it('tells which transactions changed a table, how and how much, over TRUNCATE, VACUUM FULL and ALTER TABLE', async () => {
    const answer = await search();
    expect(told(answer)).toEqual(ORDERS);
    expect(answer).toMatchObject({ holes: [], lost: [], more: 0 });
    expect(await readdir(folder)).toEqual([]);
  });

  it('names for each an instant and a position from which a recovery ends just before it', async () => {
    const { transactions } = await search({ kinds: ['truncate'] });
    expect(transactions.map(({ xid }) => xid)).toEqual([did['empty']]);
    const [{ committedAt, justBefore, lsn }] = transactions as [WalAnswer['transactions'][number]];
    expect(Date.parse(committedAt)).toBeGreaterThanOrEqual(Date.parse(justBefore));
    expect(justBefore < committedAt && justBefore >= began).toBe(true);
    expect(lsn).toMatch(/^0\/[0-9A-F]+$/);
  });

  it('keeps to the span of time, the kinds and the least number of rows that are asked for', async () => {
    const all = await search();
    const [, { committedAt: at } = { committedAt: '' }] = all.transactions;
    expect(told(await search({ from: at, to: at }))).toEqual([['delete', { delete: 50 }]]);
    expect(told(await search({ kinds: ['delete'], atLeast: 20 }))).toEqual([['delete', { delete: 50 }]]);
    expect(await search({ limit: 1 })).toMatchObject({ more: 7 });
  });

  it('without a table tells of all, also of one that was dropped, by its number', async () => {
    const answer = await search({ table: undefined, to: '2100-01-01T00:00:00Z' });
    expect(told(answer)).toEqual(ORDERS);
    expect(told(answer, 'public.filler')).toEqual([['fill', { insert: 6000 }]]);
    const dropped = answer.transactions.find(({ xid }) => xid === did['drop']);
    expect(dropped?.relations).toEqual([{ relation: null, oid: expect.any(String), changes: { drop: 1 } }]);
    expect(answer.isEndSeen).toBe(false);
  });

  it('asks a copy from before the span for a table that was dropped, or when the database is gone, and removes the copy', async () => {
    await expect(search({ table: 'customers' })).rejects.toMatchObject({ code: 'wal.relation-unknown' });
    const beside = await cluster.createFolder('beside');
    const gone = withDatabase(parsePgUrl('postgres://nobody:nothing@127.0.0.1:1/x'), 'postgres');
    const to = '2100-01-01T00:00:00Z';
    const answer = await search({ table: 'customers', connection: gone, beside, to });
    expect(told(answer, 'public.customers')).toEqual([
      ['empty', { truncate: 1 }],
      ['drop', { drop: 1 }],
    ]);
    expect(told(await search({ connection: gone, beside }))).toEqual(ORDERS);
    expect(await readdir(beside)).toEqual([]);
  }, 60_000);

  it('refuses a server that is another cluster than the archive is of', async () => {
    const other = await ThrowawayCluster.create({ segmentMegabytes: 1 });
    await other.query('CREATE TABLE orders (id int)');
    await expect(search({ connection: other.connection })).rejects.toMatchObject({
      code: 'wal.relation-unknown',
      message: expect.stringContaining('is cluster'),
    });
    await other.remove();
  });
});
