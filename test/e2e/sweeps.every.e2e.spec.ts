import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { listPids, readVariable } from '#common/process/process-table.js';
import { newId, Platform } from '#tools/platform/platform.js';
import { dropDatabases, onServer, ServerLogin } from '#tools/platform/server-login.js';
import { waitUntil } from '#tools/platform/wait-until.js';
import { endpoints } from '#tools/services/endpoints.js';
import { type Asked, ask, causedBy, runOf } from '../support/request.js';
import { listObjects } from '../support/secret-hunt.js';

const source = newId();
const database = `${source}_back`;
const { binDir } = endpoints.postgres18;
let platform: Platform;
let backup: ServerLogin;
let target: ServerLogin;

beforeAll(async () => {
  backup = await ServerLogin.create(`${source}_backup`, 'BYPASSRLS IN ROLE pg_read_all_data');
  target = await ServerLogin.create(`${source}_target`, 'SUPERUSER');
  await onServer('postgres18', 'postgres', `CREATE DATABASE ${source}`);
  await onServer(
    'postgres18',
    source,
    // A restore never comes to the end of this index: pg_restore waits for it whatever becomes of its parent.
    `CREATE FUNCTION slowly(n int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS
     $$BEGIN IF current_database() <> '${source}' THEN PERFORM pg_catalog.pg_sleep(3600); END IF; RETURN n; END$$`,
    'CREATE TABLE steps AS SELECT 1 AS n',
    'CREATE INDEX steps_slowly ON steps (slowly(n))',
  );
  platform = await Platform.start({
    services: ['scheduler', 'executor'],
    secrets: {
      ...{ SHOP_URL: backup.url(source), SHOP_PASSWORD: backup.password },
      ...{ TARGET_URL: target.url('postgres'), TARGET_PASSWORD: target.password },
    },
    config: {
      scheduler: { sweepEveryMs: 1_000, firstSweepAfterMs: 0, settleRestoresAfterMs: 1_000 },
      executor: { claimTtlMs: 6_000, claimRenewMs: 1_500, sweepEveryMs: 1_000 },
      datasets: {
        shop: { kind: 'postgres', url: '${env:SHOP_URL}', repositories: ['storage'], toolDirectories: [binDir] },
      },
      targets: {
        staging: {
          ...{ kind: 'postgres', url: '${env:TARGET_URL}', toolDirectories: [binDir], privileges: 'keep' },
          accepts: { datasets: ['shop'], strategies: ['new'], destinations: [`${source}_*`] },
        },
      },
    },
  });
});

afterAll(async () => {
  await platform?.close();
  await dropDatabases('postgres18', `%${source}%`);
  await backup?.drop();
  await target?.drop();
});

const scratchesOf = (asked: Asked) =>
  onServer<{ datname: string }>(
    'postgres18',
    'postgres',
    `SELECT datname FROM pg_database WHERE datname LIKE 'holdfast_${runOf(asked).replaceAll('-', '')}%'`,
  );
const sessionsOf = (asked: Asked, what = '%') =>
  onServer<{ pid: number }>(
    'postgres18',
    'postgres',
    `SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'holdfast ${runOf(asked)}%' AND query LIKE '${what}'`,
  );
/** Programs that were started for the run, whichever process is their parent. */
async function processesOf(asked: Asked): Promise<number[]> {
  const pids = await listPids();
  const names = await Promise.all(pids.map((pid) => readVariable(pid, 'PGAPPNAME')));
  return pids.filter((_, index) => names[index]?.includes(runOf(asked)));
}
const holdsOf = async (backupId: string) =>
  (await listObjects(platform)).filter((key) => key.includes(`${backupId}/holds/`));

describe('what a killed executor leaves', () => {
  let backupId: string;
  let restoring: Asked;

  it('is not touched while the run is open, however often others sweep', async () => {
    const made = await ask(platform, 'backup.requested', { dataset: 'shop' });
    ({ backupId } = (await platform.next('backup.completed', causedBy(made))).data);
    expect(await holdsOf(backupId)).toEqual([]);
    restoring = await ask(platform, 'restore.requested', { dataset: 'shop', target: 'staging', destination: database });
    await waitUntil('the index is being built', async () => (await sessionsOf(restoring, 'CREATE INDEX%')).length > 0);
    expect(await holdsOf(backupId)).toEqual([expect.stringContaining(`restore-${runOf(restoring)}`)]);
    const sweptBy = `SELECT fence FROM holdfast.leases WHERE name = 'sweep of target staging'`;
    const fence = async () => Number((await platform.catalog<{ fence: string }>(sweptBy))[0]?.fence ?? 0);
    const before = await fence();
    await waitUntil('the target was swept twice', async () => (await fence()) >= before + 2);
    expect(await scratchesOf(restoring)).toHaveLength(1);
    expect((await sessionsOf(restoring, 'CREATE INDEX%')).length).toBeGreaterThan(0);
  });

  it('is settled without any executor, and tidied up by the next one: processes, sessions, databases', async () => {
    await platform.app('executor').kill();
    const failed = await platform.next('restore.failed', causedBy(restoring));
    expect(failed.data.error.code).toBe('run.exhausted');
    expect(await scratchesOf(restoring)).toHaveLength(1);

    await platform.startApp('executor');
    // One that was killed while it swept the target holds the lease on that for a minute.
    const waiting = { timeoutMs: 90_000 };
    await waitUntil('no session is left', async () => (await sessionsOf(restoring)).length === 0, waiting);
    await waitUntil('no database is left', async () => (await scratchesOf(restoring)).length === 0, waiting);
    await waitUntil('no process is left', async () => (await processesOf(restoring)).length === 0, waiting);
  }, 180_000);

  it('and the next restore of that kind begins as if nothing had been', async () => {
    const asked = await ask(platform, 'restore.requested', {
      dataset: 'shop',
      target: 'staging',
      destination: database,
    });
    await waitUntil('the index is being built', async () => (await sessionsOf(asked, 'CREATE INDEX%')).length > 0);
    await ask(platform, 'run.cancel-requested', { runId: runOf(asked) });
    await platform.next('restore.failed', causedBy(asked));
    await waitUntil('no database is left', async () => (await scratchesOf(asked)).length === 0);
    expect((await holdsOf(backupId)).filter((key) => key.includes(runOf(asked)))).toEqual([]);
  });
});
