import { randomInt } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { BaseFacts } from '#common/contracts/base-facts.js';
import type { Manifest } from '#common/contracts/manifest.js';
import type { RecoveryGoal } from '#common/contracts/recovery-target.js';
import { LATEST, next, RecoveryBed, toTime, upTo } from '#common/testing/recovery-bed.js';

const settings = { summarize_wal: 'on' };

const factsOf = ({ facts }: Manifest): BaseFacts => BaseFacts.parse(facts);
const bytesOf = ({ objects }: Manifest): number => objects.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);

describe('incremental backups of a cluster', () => {
  let bed: RecoveryBed;
  let full: Manifest;
  let first: Manifest;
  let second: Manifest;
  beforeAll(async () => {
    bed = await RecoveryBed.create({ settings });
    const { cluster, writer } = bed;
    const space = await cluster.createFolder('fast');
    await cluster.query(`CREATE TABLESPACE fast LOCATION '${space}'`);
    await cluster.query(
      `CREATE TABLE aside TABLESPACE fast AS SELECT n AS id, md5(n::text) FROM generate_series(1, 20000) n`,
    );
    full = await bed.base();
    writer.begin(cluster);
    await cluster.until('(SELECT count(*) > 10 FROM numbers)');
    await cluster.query('DELETE FROM aside WHERE id > 500');
    first = await bed.base('incremental');
    await cluster.until(`(SELECT count(*) > ${writer.committed.length + 10} FROM numbers)`);
    await cluster.query('UPDATE aside SET id = -id WHERE id <= 10');
    second = await bed.base('incremental');
    await cluster.until(`(SELECT count(*) > ${writer.committed.length + 15} FROM numbers)`);
    await writer.stop();
    await bed.writeRows();
  }, 180_000);
  afterAll(() => bed?.remove());

  it('name the chain that they build on, and hold little besides what changed', () => {
    expect([full, first, second].map(({ needs }) => needs)).toEqual([
      [],
      [full.backupId],
      [full.backupId, first.backupId],
    ]);
    expect(factsOf(second).chain.map(({ backupId }) => backupId)).toEqual(second.needs);
    expect(factsOf(second).unpackedBytes).toBeLessThan(factsOf(full).unpackedBytes / 2);
    expect(bytesOf(second)).toBeLessThan(bytesOf(full) / 2);
    expect(second.requires[0]).toMatchObject({ kind: 'wal', systemId: factsOf(full).systemId });
  });

  it('bring back exactly the rows that were committed before, at random times and positions behind each of them', async () => {
    const { committed } = bed.writer;
    const later = (backup: Manifest) => committed.findIndex(({ before }) => before > backup.snapshotAt);
    for (const [index, backup] of [first, second, second].entries()) {
      const row = committed[randomInt(later(backup), committed.length - 1)];
      if (row === undefined) throw new Error('there is no such row');
      const goal: RecoveryGoal =
        index === 2 ? { target: { kind: 'lsn', lsn: row.lsn }, inclusive: true } : toTime(row.after);
      const order = bed.order(backup, `random-${index}`, { goal });
      const plan = await bed.plan(order);
      expect(plan).toMatchObject({ refusals: [], chain: backup.needs });
      await bed.restore(order);
      expect(await bed.rows(order)).toEqual(upTo(row.id));
      const [aside] = await bed.query<{ n: number; low: number; at: string }>(
        order,
        `SELECT count(*)::int AS n, min(id) AS low, (SELECT pg_tablespace_location(oid) FROM pg_tablespace WHERE spcname = 'fast') AS at FROM aside`,
      );
      const at = expect.stringContaining(join(bed.root, `random-${index}`, 'tablespaces'));
      expect(aside).toEqual({ n: 500, low: backup === second ? -10 : expect.any(Number), at });
    }
    expect(await bed.there()).toEqual(['random-0', 'random-1', 'random-2']);
  }, 240_000);

  it('come back to a server that runs, one database of them', async () => {
    const last = bed.committed(bed.writer.committed.length - 3);
    const order = bed.order(second, 'then', { target: bed.server, goal: toTime(last.after) });
    await bed.restore(order);
    expect(await bed.rowsIn('then')).toEqual(upTo(last.id));
    expect((await bed.there()).filter((name) => name.startsWith('.'))).toEqual([]);
  }, 120_000);

  it('are restored by the next attempt wherever the process of one is killed, and are whole or not there', async () => {
    let attempt = bed.order(second, 'killed', { goal: LATEST });
    for (const stage of ['combine', 'backup 2 of 3']) {
      await bed.killedAt(stage, attempt);
      expect(await readdir(join(bed.root, 'killed')).catch(() => [])).toEqual([]);
      attempt = next(attempt);
    }
    await bed.restore(attempt);
    expect(await bed.rows(attempt)).toEqual(upTo(bed.writer.committed.length));
    expect((await bed.there()).filter((name) => name.startsWith('.'))).toEqual([]);
  }, 180_000);
});
