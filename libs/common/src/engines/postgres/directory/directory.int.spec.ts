import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Manifest } from '#common/contracts/manifest.js';
import { findServer } from '#common/engines/postgres/pitr/stage.js';
import { postgres } from '#common/engines/postgres/postgres.engine.js';
import { parseProfile } from '#common/engines/profiles.js';
import { rememberHere } from '#common/operations/restore/findings.js';
import type { SealedRestoreOrder } from '#common/operations/restore/restore-backup.js';
import { verifyRestore } from '#common/operations/verify-restore.js';
import { LATEST, next, RecoveryBed, toTime, upTo } from '#common/testing/recovery-bed.js';
import { representative } from '#common/testing/representative.js';
import { directoryDriver } from './directory.driver.js';
import { postgresDirectory } from './postgres-directory.js';

const { signal } = new AbortController();

let bed: RecoveryBed;
let base: Manifest;

beforeAll(async () => {
  bed = await RecoveryBed.create();
  const space = await bed.cluster.createFolder('fast');
  await bed.cluster.query(`CREATE TABLESPACE fast LOCATION '${space}'`);
  await bed.cluster.query('CREATE TABLE aside TABLESPACE fast AS SELECT generate_series(1, 500) AS id');
  await bed.cluster.query(
    `CREATE TABLE tickets (id serial PRIMARY KEY, tenant text); INSERT INTO tickets (tenant) VALUES ('a'), ('b')`,
  );
  base = await bed.base();
  await bed.writeRows();
}, 120_000);
afterAll(() => bed?.remove());

const dataOf = (destination: string): string => join(bed.root, destination, 'data');

describe('a restore of a base backup into a directory', () => {
  it('puts a cluster there with the rows that were committed before, says what it reached, and is proven', async () => {
    const last = bed.committed(9);
    const order = bed.order(base, 'to-time', { goal: toTime(last.after) });
    const { recovered } = await bed.restore(order);
    expect(recovered).toMatchObject({ timeline: 2, isOpenForWriting: true, lsn: expect.stringMatching(/^0\//) });
    const at = recovered?.lastCommitAt ?? '';
    expect(at >= last.before && at <= last.after).toBe(true);
    expect(await bed.rows(order)).toEqual(upTo(10));
    const [aside] = await bed.query<{ n: number; at: string }>(
      order,
      `SELECT count(*)::int AS n, (SELECT pg_tablespace_location(oid) FROM pg_tablespace WHERE spcname = 'fast') AS at FROM aside`,
    );
    expect(aside).toEqual({ n: 500, at: expect.stringContaining(join(bed.root, 'to-time', 'tablespaces')) });
    const assertion = { query: 'SELECT count(*) FROM numbers', equals: 10 };
    const probes = parseProfile({
      probes: [
        ...[{ use: 'checksums' }, { use: 'sql', assertions: [assertion] }, { use: 'row-counts' }],
        ...[{ use: 'amcheck' }, { use: 'sequences' }, { use: 'rls' }],
      ],
    });
    const dataset = { ...bed.cluster.dataset(), tenantTables: { schema: 'public', column: 'tenant' } };
    const { outcomes } = await verifyRestore(
      { ...order, dataset, runId: order.identity.runId, profile: { name: 'spec', probes } },
      { repository: bed.backups.repository, engine: postgres, targetKind: postgresDirectory, now: () => new Date() },
      signal,
    );
    expect(outcomes.map(({ probe, verdict }) => [probe, verdict])).toEqual([
      ['checksums', 'passed'],
      ['sql', 'passed'],
      ['row-counts', 'inconclusive'],
      ['amcheck', 'passed'],
      ['sequences', 'passed'],
      ['rls', 'failed'],
    ]);
    expect(outcomes.at(-1)?.evidence).toEqual([
      { subject: 'public.tickets', problem: 'the tenant table has no row-level security' },
    ]);
    expect(await findServer(dataOf('to-time'))).toBeUndefined();
    expect(await bed.there()).toEqual(['to-time']);
  }, 120_000);

  it('brings back the backup alone where no point in time is named', async () => {
    const order = bed.order(base, 'alone');
    await bed.makeFolder('alone');
    await bed.restore(order);
    expect(await bed.rows(order)).toEqual([]);
  }, 60_000);

  it('leaves a server running that only its socket reaches, and that goes on without the one who started it', async () => {
    const order = bed.order(base, 'served', { target: bed.target({ leave: 'running' }), goal: LATEST });
    const remember = rememberHere();
    const first = await bed.restore(order, { remember });
    const directory = dataOf('served');
    expect(await findServer(directory)).toBeDefined();
    expect(await bed.rows(order)).toEqual(upTo(bed.writer.committed.length));
    const settings = await bed.query(
      order,
      `SELECT name, setting FROM pg_settings WHERE name IN ('archive_mode', 'listen_addresses') ORDER BY 1`,
    );
    expect(settings).toEqual([
      { name: 'archive_mode', setting: 'off' },
      { name: 'listen_addresses', setting: '' },
    ]);
    await bed.cluster.run('pg_ctl', ['stop', '--silent', '--mode=fast', `--pgdata=${directory}`]);
    await bed.query(order, 'CREATE TABLE since ()');
    // As an attempt does whose predecessor died before it could say that all was done.
    const again = await bed.restore(next(order), { remember });
    expect(again).toEqual(first);
    expect(await findServer(directory)).toBeDefined();
    expect(await bed.query(order, 'SELECT FROM since')).toEqual([]);
    await bed.cluster.run('pg_ctl', ['stop', '--silent', '--mode=fast', `--pgdata=${directory}`]);
  }, 120_000);

  it('refuses in the plan and in the run what is in the way, and touches nothing of it', async () => {
    await bed.makeFolder('taken');
    await writeFile(join(bed.root, 'taken', 'mine'), 'kept');
    const before = await bed.there();
    const late = toTime(new Date(Date.now() + 3_600_000).toISOString());
    const early = toTime(new Date(Date.parse(base.snapshotAt) - 1_000).toISOString());
    const wrong: readonly (readonly [SealedRestoreOrder, string, string])[] = [
      [bed.order(base, 'taken'), 'recovery.directory', 'is not empty'],
      [bed.order(base, 'late', { goal: late }), 'recovery.outside', 'is complete until'],
      [bed.order(base, 'early', { goal: early }), 'recovery.outside', 'the oldest base backup is of'],
      [
        bed.order(base, 'nowhere', { target: bed.target({ toolDirectories: ['/nowhere'], root: '/nowhere' }) }),
        'recovery.directory',
        '/nowhere',
      ],
    ];
    for (const [order, code, message] of wrong) {
      const refusal = { code, message: expect.stringContaining(message), hint: expect.stringMatching(/\.$/) };
      expect((await bed.plan(order)).refusals[0]).toMatchObject(refusal);
      await expect(bed.restore(order)).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
    }
    expect(await readFile(join(bed.root, 'taken', 'mine'), 'utf8')).toBe('kept');
    expect(await bed.there()).toEqual(before);
  });

  it('lets one restore at a time at a directory, and another one in when the process of the first is gone', async () => {
    const order = bed.order(base, 'once');
    const inside = async (): Promise<void> => {
      await expect(bed.restore(bed.order(base, 'once'))).rejects.toMatchObject({ code: 'restore.busy' });
    };
    await bed.restore(order, { assertHeld: inside });
    await bed.killedAt('verify', bed.order(base, 'twice'));
    await bed.restore(bed.order(base, 'twice'));
  }, 120_000);

  it('is begun anew by the next attempt wherever the process of one is killed, and is whole or not there', async () => {
    const order = bed.order(base, 'killed', { goal: LATEST });
    let attempt = order;
    for (const stage of representative(['recover', 'base.tar', 'verify', 'wal', 'open'])) {
      await bed.killedAt(stage, attempt);
      expect(await readdir(join(bed.root, 'killed')).catch(() => [])).toEqual([]);
      attempt = next(attempt);
    }
    await bed.restore(attempt);
    expect(await bed.rows(order)).toEqual(upTo(bed.writer.committed.length));
    expect((await bed.there()).filter((name) => name.includes(order.identity.runId))).toEqual([]);
  }, 240_000);

  it('is swept with its server when its run is over, and left alone while it is not', async () => {
    const order = bed.order(base, 'swept', { goal: LATEST });
    await bed.killedAt('open', order);
    const [stage = ''] = (await bed.there()).filter((name) => name.includes(order.identity.runId));
    const server = await findServer(join(bed.root, stage, 'data'));
    expect(server).toBeDefined();
    const lines = (await readFile(join(bed.root, stage, 'data', 'postmaster.pid'), 'utf8')).split('\n');
    const stateOf = (state: 'open' | 'over') => async (runId: string) =>
      runId === order.identity.runId ? state : ('open' as const);
    expect(await directoryDriver.sweep(bed.target(), stateOf('open'), signal)).toMatchObject({ removed: [] });
    expect(await bed.there()).toContain(stage);
    expect(await directoryDriver.sweep(bed.target(), stateOf('over'), signal)).toMatchObject({
      ended: [order.identity.runId],
      removed: [join(bed.root, stage)],
      failed: [],
    });
    expect(await findServer(join(bed.root, `${stage}.gone`, 'data'))).toBeUndefined();
    await expect(readdir(lines[4] ?? '')).rejects.toMatchObject({ code: 'ENOENT' });
    expect((await bed.there()).filter((name) => name.includes('swept') || name === stage)).toEqual([]);
  }, 120_000);

  it('leaves nothing where it is stopped, and an attempt that thaws later makes nothing appear', async () => {
    const order = bed.order(base, 'stopped', { goal: LATEST });
    const stop = new AbortController();
    const reason = new Error('an operator cancels');
    const onProgress = ({ stage }: { readonly stage: string }) => {
      if (stage === 'recover') stop.abort(reason);
    };
    await expect(bed.restore(order, { onProgress }, stop.signal)).rejects.toBe(reason);
    let taken: ReturnType<typeof bed.restore> | undefined;
    const frozen = bed.restore(next(order), {
      onProgress: ({ stage }) => {
        // Another attempt takes the run meanwhile.
        if (stage === 'open') taken ??= bed.restore(next(next(order)));
      },
    });
    await expect(frozen).rejects.toMatchObject({ code: expect.any(String) });
    await taken;
    expect(await bed.rows(order)).toEqual(upTo(bed.writer.committed.length));
    expect((await bed.there()).filter((name) => name.includes(order.identity.runId))).toEqual([]);
  }, 120_000);
});
