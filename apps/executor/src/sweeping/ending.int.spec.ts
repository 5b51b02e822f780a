import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { NewRun } from '#common/catalog/stores/runs/run-queue.store.js';
import { PgSession } from '#common/engines/postgres/pg-session.js';
import type { PostgresManifest } from '#common/engines/postgres/postgres-dataset.js';
import type { Background } from '#common/service/background/background.js';
import { silentLogger } from '#common/telemetry/logger.js';
import { RestoreProcess } from '#common/testing/restore-process.js';
import type { PgOrder } from '#common/testing/restore-test-bed.js';
import { RestoreTestBed } from '#common/testing/restore-test-bed.js';
import { RunTestBed } from '#common/testing/run-test-bed.js';
import { TcpGate } from '#common/testing/tcp-gate.js';
import { startEnding } from './ending.js';

const { signal } = new AbortController();

let restores: RestoreTestBed;
let manifest: PostgresManifest;
let bed: RunTestBed;
let gate: TcpGate;
let ending: Background | undefined;
beforeAll(async () => {
  restores = await RestoreTestBed.create('postgres18', 'CREATE TABLE items AS SELECT 1 AS id');
  manifest = await restores.backup();
  const { source, backups } = restores;
  const { user, password, host, port } = source.connection;
  gate = await TcpGate.open({ host, port });
  const toUrl = (at: number, database: string) => `postgres://${user}:${password}@${host}:${at}/${database}`;
  const [repositories, toolDirectories] = [['disk'], [source.binDir]];
  const accepts = { datasets: ['shop'], strategies: ['in-place' as const], destinations: ['spec_*'] };
  bed = await RunTestBed.open({
    repositories: { disk: { url: pathToFileURL(`${backups.folder}/repository`).href } },
    datasets: { shop: { kind: 'postgres', url: toUrl(port, source.name), repositories, toolDirectories } },
    targets: {
      staging: { kind: 'postgres', url: toUrl(port, 'postgres'), toolDirectories, accepts },
      distant: { kind: 'postgres', url: toUrl(gate.port, 'postgres'), toolDirectories, accepts },
    },
  });
});
afterAll(async () => {
  await bed?.close();
  await gate?.close();
  await restores?.drop();
});

beforeEach(() => bed.clear());
afterEach(() => ending?.stop());

/** A restore in place that an executor has claimed, and that is cancelled now. */
async function cancelled(target = 'staging'): Promise<NewRun> {
  const database = restores.source.name;
  const request = { dataset: 'shop', backup: manifest.backupId, target, database, strategy: 'in-place' };
  const run = await bed.enqueue('restore', request);
  await bed.claim();
  await bed.deps.catalog.transaction((tx) => tx.runs.requestCancel(run.id));
  return run;
}

/** Another one, whose executor is gone for long. */
async function vanished(how: string): Promise<NewRun> {
  const request = { dataset: 'shop', backup: manifest.backupId, target: 'staging', strategy: 'in-place' };
  const run = await bed.enqueue('restore', request);
  await bed.bed.admin.query(
    `UPDATE holdfast.runs SET state = 'running', resource = 'another', owner = 'spec', claim_expires_at = now(), ${how}
     WHERE id = '${run.id}'`,
  );
  return run;
}

const vanish = () => bed.bed.admin.query('UPDATE holdfast.runs SET claim_expires_at = now()');
const begin = () => {
  ending = startEnding({ ...bed.deps, logger: silentLogger });
};
const sessionsOf = ({ id }: NewRun, more = '') =>
  restores.query<{ pid: number }>(
    'postgres',
    `SELECT pid FROM pg_stat_activity WHERE application_name = 'holdfast ${id} a1' ${more}`,
  );

describe('a restore whose executor vanished, and that no executor goes on with', () => {
  it('is called failed when what it had begun cannot be committed any more', async () => {
    const { source, backups } = restores;
    const run = await cancelled();
    const identity = { runId: run.id, attempt: 1 };
    const order: PgOrder = restores.order(manifest, source.name, { strategy: 'in-place', identity });
    const holder = await restores.hold(source.name, 'SELECT FROM items');
    await source.execute('INSERT INTO items VALUES (2)');
    const frozen = await RestoreProcess.start(order, { folder: backups.folder });
    try {
      // Only the executor: psql works on, and waits only for the table's user.
      await until(async () => (await sessionsOf(run, `AND wait_event_type = 'Lock'`)).length > 0);
      frozen.signal('SIGSTOP');
      await vanish();
      begin();
      await until(async () => (await bed.stateOf(run)) === 'cancelled');
      await holder.release();
      await until(async () => (await sessionsOf(run)).length === 0);
      expect(await source.query('SELECT id FROM items ORDER BY id')).toEqual([{ id: 1 }, { id: 2 }]);
      expect(await bed.said()).toEqual(['restore.failed']);
    } finally {
      frozen.signal('SIGKILL');
    }
  });

  it('is not called failed while a session of it is there', async () => {
    const run = await cancelled();
    const options = { signal, applicationName: `holdfast ${run.id} a1` };
    const session = await PgSession.open(restores.connectionTo('postgres'), options);
    const { admin } = bed.bed;
    // The catalog is on the same server: what the transaction that settles it finds there.
    await admin.query(
      `CREATE TABLE spec_seen (sessions int);
       CREATE FUNCTION spec_look() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
         INSERT INTO spec_seen SELECT count(*) FROM pg_stat_activity WHERE application_name = '${options.applicationName}';
         RETURN NULL; END $$;
       CREATE TRIGGER spec_look AFTER UPDATE ON holdfast.runs FOR EACH ROW
         WHEN (NEW.state = 'cancelled' AND OLD.state <> NEW.state) EXECUTE FUNCTION spec_look()`,
    );
    await vanish();
    begin();
    await until(async () => (await bed.stateOf(run)) === 'cancelled');
    const { rows } = await admin.query('SELECT sessions FROM spec_seen');
    await admin.query('DROP FUNCTION spec_look CASCADE; DROP TABLE spec_seen');
    expect(rows).toEqual([{ sessions: 0 }]);
    await session.close();
  });

  it('stays open while its server is out of reach, and keeps no other from its end', async () => {
    gate.shut();
    const distant = await cancelled('distant');
    await vanish();
    begin();
    const near = await vanished('attempt = 1, cancel_requested_at = now()');
    await until(async () => (await bed.stateOf(near)) === 'cancelled');
    expect(await bed.stateOf(distant)).toBe('running');
  });

  it('is left alone while an executor may go on with it', async () => {
    const request = { dataset: 'shop', backup: manifest.backupId, target: 'staging', strategy: 'in-place' };
    const open = await bed.enqueue('restore', request);
    await bed.claim();
    const options = { signal, applicationName: `holdfast ${open.id} a1` };
    const session = await PgSession.open(restores.connectionTo('postgres'), options);
    await vanish();
    const over = await vanished('attempt = max_attempts');
    begin();
    await until(async () => (await bed.stateOf(over)) === 'failed');
    expect(await bed.stateOf(open)).toBe('running');
    expect(await session.queryOne('SELECT 1 AS alive')).toEqual({ alive: 1 });
    await session.close();
  });
});

async function until(isTrue: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 2_000; tries += 1) {
    if (await isTrue()) return;
    await sleep(5);
  }
  throw new Error('what was waited for did not happen');
}
