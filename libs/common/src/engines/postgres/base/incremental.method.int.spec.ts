import { randomUUID } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Manifest } from '#common/contracts/manifest.js';
import type { RecoveryGoal } from '#common/contracts/recovery-target.js';
import type { ScratchServer } from '#common/engines/postgres/pitr/scratch-server.js';
import { postgres } from '#common/engines/postgres/postgres.engine.js';
import { checkBackup } from '#common/operations/check-backup.js';
import { recoverDataset } from '#common/operations/recovery/recover-dataset.js';
import { takeBackup } from '#common/operations/take-backup.js';
import { runCommand } from '#common/process/run-command.js';
import { loadBackup, loadLatestBackup } from '#common/repository/load-backup.js';
import { generateAgeKeys } from '#common/sealing/age.js';
import { isAgeInstalled } from '#common/testing/age-program.js';
import { BackupTestBed } from '#common/testing/backup-test-bed.js';
import { ThrowawayCluster } from '#common/testing/throwaway-cluster.js';
import { DEFAULT_BASE, type IncrementalOptions } from './base-command.js';

const { signal } = new AbortController();
const settings = { summarize_wal: 'on' };

describe('an incremental backup', () => {
  let cluster: ThrowawayCluster;
  let backups: BackupTestBed;
  beforeAll(async () => {
    [cluster, backups] = await Promise.all([ThrowawayCluster.create({ settings }), BackupTestBed.create()]);
    const space = await cluster.createFolder('fast');
    await cluster.query(`CREATE TABLESPACE fast LOCATION '${space}'`);
    await cluster.query('CREATE TABLE numbers (id int)');
    await cluster.query('CREATE TABLE aside (id int) TABLESPACE fast');
  }, 120_000);
  afterAll(async () => {
    await cluster?.remove();
    await backups?.remove();
  });

  interface Wish {
    readonly method?: 'base' | 'incremental';
    readonly name?: string;
    readonly incremental?: Partial<IncrementalOptions>;
    readonly from?: ThrowawayCluster;
    readonly until?: AbortSignal;
  }
  function take({ method = 'incremental', from = cluster, until = signal, ...wish }: Wish = {}): Promise<Manifest> {
    const base = { ...DEFAULT_BASE, incremental: { ...DEFAULT_BASE.incremental, ...wish.incremental } };
    const dataset = from.dataset({ base, name: wish.name ?? 'shop' });
    return takeBackup(backups.attempt(dataset, { method }), backups.depsOf(postgres), until);
  }
  const refusal = (message: string, hint: string) => ({
    ...{ code: 'postgres.no-parent', message: expect.stringContaining(message), hint: expect.stringContaining(hint) },
  });
  const checked = async () => {
    const checks = postgres.checks.dataset(cluster.dataset(), signal, { methods: ['incremental'], alike: [] });
    return checks.find(({ name }) => name.endsWith('incremental backups'))?.run();
  };
  const insert = (id: number) => cluster.query('INSERT INTO numbers VALUES ($1)', [id]);

  it('is refused without a full one before it, and is a full one that says why where the dataset accepts that', async () => {
    await expect(take()).rejects.toMatchObject(refusal('no earlier base backup', 'backup run shop --method base'));
    const made = await take({ incremental: { otherwise: 'full' } });
    expect(made).toMatchObject({ method: 'incremental', needs: [] });
    expect(made.warnings).toEqual([expect.stringContaining('full and not incremental: there is no earlier base')]);
    expect((await take()).needs).toEqual([made.backupId]);
  }, 60_000);

  it('builds on the newest full one where the dataset says so, and on no chain that is long enough', async () => {
    const name = 'chained';
    const full = await take({ name, method: 'base' });
    const one = await take({ name, incremental: { maxChain: 1 } });
    await expect(take({ name, incremental: { maxChain: 1 } })).rejects.toMatchObject(
      refusal(`backup ${one.backupId} ends a chain of 1 increments, and maxChain is 1`, '--method base'),
    );
    expect((await take({ name, incremental: { on: 'full' } })).needs).toEqual([full.backupId]);
    expect((await take({ name })).needs).toHaveLength(2);
  }, 60_000);

  it('is refused of a cluster that is another one than the earlier backups are of', async () => {
    const other = await ThrowawayCluster.create({ settings });
    try {
      await take({ name: 'moved', method: 'base' });
      await expect(take({ name: 'moved', from: other })).rejects.toMatchObject(
        refusal('is of cluster', '--method base'),
      );
    } finally {
      await other.remove();
    }
  }, 60_000);

  it('is refused by a server that keeps no note of what changes, or has lost it, with what to do', async () => {
    const name = 'forgotten';
    const full = await take({ name, method: 'base' });
    await insert(1);
    await cluster.query('ALTER SYSTEM SET summarize_wal = off');
    await cluster.query('SELECT pg_reload_conf()');
    await cluster.until(`current_setting('summarize_wal') = 'off'`);
    await expect(take({ name })).rejects.toMatchObject(refusal('summarize_wal = off', 'SET summarize_wal = on'));
    await expect(checked()).rejects.toMatchObject({ hint: expect.stringContaining('SET summarize_wal = on') });
    const folder = join(cluster.dataDirectory, 'pg_wal', 'summaries');
    for (const file of await readdir(folder)) await rm(join(folder, file));
    // What is summarized from here on begins behind the full copy.
    await cluster.query('CHECKPOINT');
    await cluster.query('SELECT pg_switch_wal()');
    await cluster.query('CHECKPOINT');
    await cluster.query('ALTER SYSTEM RESET summarize_wal');
    await cluster.query('SELECT pg_reload_conf()');
    await cluster.until(`current_setting('summarize_wal') = 'on'`);
    expect(await checked()).toContain('keeps that for 10d');
    await expect(take({ name })).rejects.toMatchObject(
      refusal(`cannot build on backup ${full.backupId}: WAL summaries are required`, '--method base'),
    );
    const made = await take({ name, incremental: { otherwise: 'full' } });
    expect(made.warnings).toEqual([expect.stringContaining('WAL summaries are required')]);
    expect((await take({ name })).needs).toEqual([made.backupId]);
  }, 120_000);

  it('is found damaged when one that it builds on is gone, before anything is restored, and nothing builds on it', async () => {
    const name = 'broken';
    const older = await take({ name, method: 'base' });
    const parent = await take({ name, method: 'base' });
    const child = await take({ name });
    const grandchild = await take({ name });
    expect(grandchild.needs).toEqual([parent.backupId, child.backupId]);
    const { repository } = backups;
    const lost = parent.objects.find((object) => object.name.startsWith('base.tar'))?.key ?? '';
    await repository.remove(lost, { signal });
    const damaged = { code: 'backup.damaged', message: expect.stringContaining(`backup ${parent.backupId}`) };
    await expect(loadBackup(repository, name, grandchild.backupId, { signal })).rejects.toMatchObject(damaged);
    await expect(
      loadLatestBackup(repository, { dataset: name, method: 'incremental' }, { signal }),
    ).rejects.toMatchObject(damaged);
    const deps = { repository, now: () => new Date() };
    const { outcomes } = await checkBackup({ manifest: grandchild, runId: grandchild.runId }, deps, signal);
    expect(outcomes).toMatchObject([{ verdict: 'failed', evidence: expect.anything() }]);
    expect(JSON.stringify(outcomes)).toContain(parent.backupId);
    expect((await take({ name })).needs).toEqual([older.backupId]);
  }, 60_000);

  it('that is stopped while it is made leaves nothing, and the next one builds on what was there', async () => {
    const name = 'stopped';
    const full = await take({ name, method: 'base' });
    const before = await backups.files();
    const stop = new AbortController();
    const reason = new Error('an operator cancels');
    const dataset = cluster.dataset({ name });
    const onProgress = ({ stage, bytes }: { stage: string; bytes: number }) => {
      if (stage === 'base.tar' && bytes === 0) stop.abort(reason);
    };
    const deps = { ...backups.depsOf(postgres), onProgress };
    await expect(takeBackup(backups.attempt(dataset, { method: 'incremental' }), deps, stop.signal)).rejects.toBe(
      reason,
    );
    const isOf = (file: string): boolean => file.includes(`/${name}/`) && !file.includes('_control');
    expect((await backups.files()).filter(isOf)).toEqual(before.filter(isOf));
    expect((await take({ name })).needs).toEqual([full.backupId]);
  }, 60_000);

  (isAgeInstalled ? it : it.skip)(
    'of an encrypted repository needs an identity to read what it builds on, and comes back with it',
    async () => {
      const keys = await generateAgeKeys();
      const sealed = await BackupTestBed.create({ recipients: [keys.recipient] });
      const dataset = cluster.dataset();
      const takeSealed = (method: string, repository = sealed.repository) =>
        takeBackup(sealed.attempt(dataset, { method }), { ...sealed.depsOf(postgres), repository }, signal);
      const { backupId } = await takeSealed('base');
      await expect(takeSealed('incremental')).rejects.toMatchObject(refusal('cannot be read here', 'identity'));
      const reader = sealed.reopen({ recipients: [keys.recipient], identity: keys.identity });
      await insert(20);
      expect(await takeSealed('incremental', reader)).toMatchObject({ needs: [backupId], facts: null });
      const room = await cluster.placeCopy();
      const goal: RecoveryGoal = { target: { kind: 'immediate' }, inclusive: true };
      const { dataDirectory: directory, binDir } = room;
      const wish = { dataset: 'shop', goal, directory, toolDirectories: [binDir], runId: randomUUID(), signal };
      let rows: unknown;
      const look = async (server: ScratchServer): Promise<void> => {
        const session = await server.open('postgres');
        rows = await session.query('SELECT id FROM numbers WHERE id = 20');
        await session.close();
      };
      await recoverDataset(wish, { repository: reader, look });
      expect(rows).toEqual([{ id: 20 }]);
      await room.remove();
      await sealed.remove();
    },
    60_000,
  );

  it('survives its source, and restores by hand with tar and the tools of PostgreSQL alone', async () => {
    const name = 'by-hand';
    await take({ name, method: 'base' });
    await insert(10);
    await cluster.query('INSERT INTO aside SELECT generate_series(1, 300)');
    await take({ name });
    await insert(11);
    const { restoreByHand } = await take({ name });
    const rows = await cluster.query('SELECT id FROM numbers ORDER BY 1');
    await cluster.stop();
    await rm(cluster.dataDirectory, { recursive: true });
    await rm(join(cluster.folder, 'fast'), { recursive: true });
    const args = ['-ec', restoreByHand.slice(0, -1).join('\n')];
    const env = { PATH: `${cluster.binDir}:/usr/bin:/bin` };
    await runCommand({ program: 'sh', args, env, cwd: cluster.folder }, { signal });
    expect(restoreByHand.at(-1)).toBe('pg_ctl start --wait --pgdata=data');
    await cluster.own();
    await cluster.start();
    expect(await cluster.query('SELECT id FROM numbers ORDER BY 1')).toEqual(rows);
    expect(await cluster.query('SELECT count(*)::int AS n FROM aside')).toEqual([{ n: 300 }]);
  }, 120_000);
});

describe('an incremental backup of PostgreSQL 15', () => {
  it('is refused, and the refusal says which version it needs', async () => {
    const [cluster, backups] = await Promise.all([
      ThrowawayCluster.create({ server: 'postgres15' }),
      BackupTestBed.create(),
    ]);
    try {
      const attempt = backups.attempt(cluster.dataset(), { method: 'incremental' });
      await expect(takeBackup(attempt, backups.depsOf(postgres), signal)).rejects.toMatchObject({
        ...{ code: 'request.refused', message: expect.stringContaining('need PostgreSQL 17 or newer') },
        hint: expect.stringContaining('--method base'),
      });
    } finally {
      await cluster.remove();
      await backups.remove();
    }
  }, 60_000);
});
