import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Manifest } from '#common/contracts/manifest.js';
import { findBackup } from '#common/repository/read-backups.js';
import { silentLogger } from '#common/telemetry/logger.js';
import { RestoreTestBed } from '#common/testing/restore-test-bed.js';
import { RunTestBed } from '#common/testing/run-test-bed.js';
import { restoreRun } from './restore.run.js';

const { signal } = new AbortController();

let restores: RestoreTestBed;
let manifest: Manifest;
let bed: RunTestBed;
beforeAll(async () => {
  restores = await RestoreTestBed.create('postgres18', 'CREATE TABLE items AS SELECT 1 AS id');
  manifest = await restores.backup();
  const { source, backups } = restores;
  const { user, password, host, port } = source.connection;
  const server = `postgres://${user}:${password}@${host}:${port}`;
  const [repositories, toolDirectories] = [['disk'], [source.binDir]];
  const accepts = { datasets: ['shop'], strategies: ['new' as const, 'in-place' as const], destinations: ['spec_*'] };
  bed = await RunTestBed.open({
    repositories: { disk: { url: pathToFileURL(`${backups.folder}/repository`).href } },
    // The database has got another name since the backup.
    datasets: { shop: { kind: 'postgres', url: `${server}/${restores.nameOf('now')}`, repositories, toolDirectories } },
    targets: { staging: { kind: 'postgres', url: `${server}/postgres`, toolDirectories, accepts } },
    executor: { workDirectory: backups.folder },
  });
});
afterAll(async () => {
  await bed?.close();
  await restores?.drop();
});

beforeEach(() => bed.clear());

const attempt = async (): Promise<void> => {
  const handler = restoreRun({ ...bed.deps, holdfastVersion: '0.1.0', logger: silentLogger });
  await handler(await bed.claim());
};

const ends = ['verification.requested', 'restore.completed'];

const asked = (database: string | undefined, more: object) => ({
  ...{ dataset: 'shop', backup: manifest.backupId, target: 'staging' },
  ...(database === undefined ? {} : { destination: database }),
  ...more,
});

describe('a restore run', () => {
  it('completes together with its event and the request for verification, or not at all', async () => {
    const run = await bed.enqueue('restore', asked(restores.nameOf('verified'), { profile: 'shop' }));
    for (const type of ends) {
      await bed.refuse(type);
      await expect(attempt()).rejects.toThrow();
      expect(await bed.stateOf(run)).toBe('running');
      expect((await bed.said()).filter((said) => ends.includes(said))).toEqual([]);
    }
    await bed.refuse(undefined);
    await attempt();
    expect([await bed.stateOf(run), ...(await bed.said()).slice(-2)]).toEqual([
      'completed',
      'restore.completed',
      'verification.requested',
    ]);
  });

  it('that names no database goes to the one that the dataset names, not to the one that was backed up', async () => {
    const run = await bed.enqueue('restore', asked(undefined, {}));
    await attempt();
    expect(await bed.stateOf(run)).toBe('completed');
    expect(await restores.databases(`${restores.source.name}_now`)).toHaveLength(1);
  });

  it('does nothing under a claim that has expired, though no other executor holds the run yet', async () => {
    const { source } = restores;
    const run = await bed.enqueue('restore', asked(source.name, { strategy: 'in-place' }));
    const expire = `CREATE FUNCTION holdfast.expire() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN UPDATE holdfast.runs SET claim_expires_at = now() WHERE id = NEW.run_id; RETURN NULL; END $$`;
    // While it is busy with the first thing that it writes down.
    await bed.bed.admin.query(
      `${expire}; CREATE TRIGGER expire AFTER INSERT ON holdfast.restores FOR EACH ROW EXECUTE FUNCTION holdfast.expire()`,
    );
    await source.execute('INSERT INTO items VALUES (4)');
    await expect(attempt()).rejects.toMatchObject({ code: 'claim.lost' });
    await bed.bed.admin.query('DROP FUNCTION holdfast.expire CASCADE');
    expect(await source.query('SELECT id FROM items WHERE id = 4')).toHaveLength(1);
    expect(await bed.stateOf(run)).toBe('running');
    await source.execute('DELETE FROM items WHERE id = 4');
  });

  it('adopts the safety dump of an earlier attempt, which shows the target as it was', async () => {
    const { source, backups } = restores;
    await source.execute('INSERT INTO items VALUES (2), (3)');
    const run = await bed.enqueue('restore', asked(source.name, { strategy: 'in-place', safetyBackup: true }));
    await bed.refuse('restore.completed');
    await expect(attempt()).rejects.toThrow();
    expect(await source.query('SELECT id FROM items')).toEqual([{ id: 1 }]);
    await bed.refuse(undefined);
    await attempt();
    const { rows } = await bed.bed.admin.query(
      `SELECT id, attempt FROM holdfast.backups WHERE run_id = $1 AND purpose = 'safety'`,
      [run.id],
    );
    expect(rows).toEqual([{ id: expect.any(String), attempt: 1 }]);
    const safety = await findBackup(backups.repository, 'shop', rows[0].id, { signal });
    expect(safety).toMatchObject({ attempt: 1, counts: { tables: 1, rows: 3 } });
  });
});
