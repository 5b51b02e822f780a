import { readdir } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Manifest } from '#common/contracts/manifest.js';
import { withPgSession } from '#common/engines/postgres/pg-session.js';
import { postgres } from '#common/engines/postgres/postgres.engine.js';
import { rememberHere } from '#common/operations/restore/findings.js';
import type { SealedRestoreOrder } from '#common/operations/restore/restore-backup.js';
import { withDatabase } from '#common/pg/connection.js';
import { LATEST, next, RecoveryBed, toTime, upTo } from '#common/testing/recovery-bed.js';
import { representative } from '#common/testing/representative.js';

const { signal } = new AbortController();

let bed: RecoveryBed;
let base: Manifest;

beforeAll(async () => {
  bed = await RecoveryBed.create();
  base = await bed.base();
  await bed.writeRows();
}, 120_000);
afterAll(() => bed?.remove());

const order = (destination: string, changes: Partial<SealedRestoreOrder> = {}): SealedRestoreOrder =>
  bed.order(base, destination, { target: bed.server, ...changes });
const onDatabase = (database: string, text: string) =>
  withPgSession(withDatabase(bed.cluster.connection, database), { signal, applicationName: 'spec' }, (session) =>
    session.query(text),
  );
/** Nothing of ours, neither on the disk nor on the server. */
async function expectNothingLeft(): Promise<void> {
  expect(await bed.there()).toEqual([]);
  expect((await readdir(bed.backups.folder)).filter((name) => name.startsWith('holdfast-restore-'))).toEqual([]);
  expect(await bed.cluster.query(`SELECT datname FROM pg_database WHERE datname LIKE 'holdfast%'`)).toEqual([]);
}

describe('a restore of a base backup into a server that runs', () => {
  it('brings one database back, new and under another name, as it was at a point in time', async () => {
    const last = bed.committed(9);
    const { recovered } = await bed.restore(order('then', { goal: toTime(last.after) }));
    const at = recovered?.lastCommitAt ?? '';
    expect(at >= last.before && at <= last.after).toBe(true);
    expect(await bed.rowsIn('then')).toEqual(upTo(10));
    expect(await bed.rowsIn('postgres')).toEqual(upTo(bed.writer.committed.length));
    await expectNothingLeft();
  }, 120_000);

  it('replaces what is there, after the safety backup was taken', async () => {
    const goal = toTime(bed.committed(14).after);
    const steps: string[] = [];
    const takeSafetyBackup = async (): Promise<string> => {
      steps.push(`safety with ${(await bed.rowsIn('then')).length} rows`);
      return 'the-safety-backup';
    };
    const outcome = await bed.restore(order('then', { strategy: 'in-place', goal }), { takeSafetyBackup });
    expect(outcome.safetyBackupId).toBe('the-safety-backup');
    expect(steps).toEqual(['safety with 10 rows']);
    expect(await bed.rowsIn('then')).toEqual(upTo(15));
  }, 120_000);

  it('replaces one table by what it was at a point in time, and leaves the rest', async () => {
    await onDatabase('then', 'CREATE TABLE since AS SELECT 1 AS id');
    const goal = toTime(bed.committed(14).after);
    await onDatabase('then', 'DELETE FROM numbers');
    await bed.restore(order('then', { strategy: 'in-place', goal, parts: ['public.numbers'] }));
    expect(await bed.rowsIn('then')).toEqual(upTo(15));
    expect(await onDatabase('then', 'SELECT id FROM since')).toEqual([{ id: 1 }]);
  }, 120_000);

  it('refuses before anything is fetched what can be known then, and before anything is changed what cannot', async () => {
    const known: readonly (readonly [SealedRestoreOrder, string])[] = [
      [order('then'), 'restore.database-exists'],
      [order('nowhere', { strategy: 'in-place' }), 'restore.database-missing'],
      [order('late', { goal: toTime(new Date(Date.now() + 3_600_000).toISOString()) }), 'recovery.outside'],
    ];
    for (const [wanted, code] of known) {
      expect((await bed.plan(wanted)).refusals[0]).toMatchObject({ code });
      const seen: string[] = [];
      const onProgress = ({ stage }: { readonly stage: string }) => void seen.push(stage);
      await expect(bed.restore(wanted, { onProgress })).rejects.toMatchObject({ code });
      expect(seen).toEqual([]);
    }
    await onDatabase('then', 'CREATE VIEW mine AS SELECT id FROM numbers');
    await expect(bed.restore(order('then', { strategy: 'in-place', goal: LATEST }))).rejects.toMatchObject({
      code: 'restore.blocked',
      message: expect.stringContaining('mine'),
    });
    expect(await bed.rowsIn('then')).toEqual(upTo(15));
    await expectNothingLeft();
  }, 120_000);

  it('is begun anew by the next attempt wherever the process of one is killed', async () => {
    const wanted = order('killed', { goal: LATEST });
    let attempt = wanted;
    for (const stage of representative(['recover', 'base.tar', 'open', 'dump', 'restore', 'analyze'])) {
      await bed.killedAt(stage, attempt);
      expect(await bed.cluster.query(`SELECT FROM pg_database WHERE datname = 'killed'`)).toEqual([]);
      attempt = next(attempt);
    }
    await bed.restore(attempt);
    expect(await bed.rowsIn('killed')).toEqual(upTo(bed.writer.committed.length));
    await expectNothingLeft();
  }, 240_000);

  it('tells again what it reached when the attempt that did it could not', async () => {
    const wanted = order('told', { goal: LATEST });
    const remember = rememberHere();
    const first = await bed.restore(wanted, { remember });
    expect(await bed.restore(next(wanted), { remember })).toEqual(first);
    expect(first.recovered).not.toBeNull();
  }, 120_000);

  it('is swept from the machine when its run is over', async () => {
    const wanted = order('swept', { goal: LATEST });
    await bed.killedAt('recover', wanted);
    const driver = postgres.restores.find(({ method }) => method === 'base');
    const stateOf = async (runId: string) => (runId === wanted.identity.runId ? ('over' as const) : ('open' as const));
    const swept = await driver?.sweep(bed.server, stateOf, signal);
    expect(swept?.removed).toEqual([expect.stringContaining(wanted.identity.runId)]);
    expect(await bed.there()).toEqual([]);
  }, 60_000);
});
