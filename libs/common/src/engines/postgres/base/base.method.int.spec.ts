import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { BaseFacts } from '#common/contracts/base-facts.js';
import { postgresEngine } from '#common/engines/postgres/postgres.engine.js';
import { takeBackup } from '#common/operations/take-backup.js';
import { runCommand } from '#common/process/run-command.js';
import { BackupTestBed } from '#common/testing/backup-test-bed.js';
import { ThrowawayCluster } from '#common/testing/throwaway-cluster.js';

const { signal } = new AbortController();

const engine = postgresEngine();

describe.each(['postgres18', 'postgres15'] as const)('a base backup of %s', (server) => {
  let cluster: ThrowawayCluster;
  let bed: BackupTestBed;
  let space: string;
  beforeAll(async () => {
    [cluster, bed] = await Promise.all([ThrowawayCluster.create({ server }), BackupTestBed.create()]);
    space = await cluster.createFolder('fast');
    await cluster.query(`CREATE TABLESPACE fast LOCATION '${space}'`);
    await cluster.query('CREATE TABLE numbers (id int PRIMARY KEY, note text)');
    await cluster.query('CREATE TABLE aside (id int) TABLESPACE fast');
    await cluster.query(`INSERT INTO numbers SELECT n, repeat('x', 200) FROM generate_series(1, 20000) n`);
    await cluster.query('INSERT INTO aside SELECT generate_series(1, 500)');
  });
  afterAll(async () => {
    await cluster.remove();
    await bed.remove();
  });

  it('survives its source, and restores by hand with tar and the tools of PostgreSQL alone', async () => {
    const attempt = bed.attempt(cluster.dataset(), { method: 'base' });
    const manifest = await takeBackup(attempt, bed.depsOf(engine), signal);
    const facts = BaseFacts.parse(manifest.facts);
    expect(facts).toMatchObject({
      compressedBy: server === 'postgres15' ? 'server' : 'client',
      isFromStandby: false,
      checksumFailures: [],
    });
    expect(manifest.objects.map(({ name }) => name)).toEqual([
      `${facts.tablespaces[0]?.oid}.tar.zst`,
      'base.tar.zst',
      'backup_manifest.zst',
    ]);
    const { systemId, timeline, startLsn, endLsn } = facts;
    expect(manifest.requires).toEqual([{ kind: 'wal', systemId, timeline, startLsn, endLsn }]);
    await cluster.stop();
    await rm(cluster.dataDirectory, { recursive: true });
    await rm(space, { recursive: true });
    const { program, args } = { program: 'sh', args: ['-ec', manifest.restoreByHand.slice(0, -1).join('\n')] };
    const env = { PATH: `${cluster.binDir}:/usr/bin:/bin` };
    await runCommand({ program, args, env, cwd: cluster.folder }, { signal });
    expect(manifest.restoreByHand.at(-1)).toBe('pg_ctl start --wait --pgdata=data');
    await cluster.own();
    await cluster.start();
    const sums = 'SELECT count(*)::int AS n, (SELECT count(*)::int FROM aside) AS a FROM numbers';
    expect(await cluster.query(sums)).toEqual([{ n: 20_000, a: 500 }]);
  });
});
