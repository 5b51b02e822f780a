import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Manifest } from '#common/contracts/manifest.js';
import { silentLogger } from '#common/telemetry/logger.js';
import { RestoreTestBed } from '#common/testing/restore-test-bed.js';
import { RunTestBed } from '#common/testing/run-test-bed.js';
import { restoreRun } from './restore.run.js';

let restores: RestoreTestBed;
let role: string;
let manifest: Manifest;
let bed: RunTestBed;
beforeAll(async () => {
  restores = await RestoreTestBed.create('postgres18', 'CREATE TABLE items AS SELECT 1 AS id');
  const { source, backups } = restores;
  role = `spec_${source.id}_reader`;
  await source.execute(`CREATE ROLE ${role} LOGIN`, `GRANT SELECT ON items TO ${role}`);
  manifest = await restores.backup();
  await source.execute('CREATE INDEX items_newer ON items (id)', 'CREATE TABLE newer ()');
  const { user, password, host, port } = source.connection;
  const server = `postgres://${user}:${password}@${host}:${port}`;
  const [repositories, toolDirectories] = [['disk'], [source.binDir]];
  const accepts = { datasets: ['shop'], strategies: ['new' as const, 'in-place' as const], destinations: ['spec_*'] };
  const rights = { privileges: 'keep' as const, missingRoles: 'create' as const };
  bed = await RunTestBed.open({
    repositories: { disk: { url: pathToFileURL(`${backups.folder}/repository`).href } },
    datasets: { shop: { kind: 'postgres', url: `${server}/${source.name}`, repositories, toolDirectories } },
    targets: { staging: { kind: 'postgres', url: `${server}/postgres`, toolDirectories, accepts, ...rights } },
    executor: { workDirectory: backups.folder },
  });
});
afterAll(async () => {
  await bed?.close();
  await restores?.drop();
  await restores?.query('postgres', `DROP ROLE IF EXISTS ${role}`);
});

beforeEach(async () => {
  await bed.clear();
  const { rows } = await bed.bed.admin.query(
    `SELECT datname FROM pg_database WHERE starts_with(datname, '${restores.source.name}')`,
  );
  for (const { datname } of rows)
    if ((await restores.query('postgres', `SELECT FROM pg_roles WHERE rolname = '${role}'`)).length > 0)
      await restores.query(datname, `DROP OWNED BY ${role}`);
  await restores.query('postgres', `DROP ROLE IF EXISTS ${role}`);
});

const attempt = async (): Promise<void> => {
  const handler = restoreRun({ ...bed.deps, holdfastVersion: '0.1.0', logger: silentLogger });
  await handler(await bed.claim());
};

/** Everything is done, and the executor dies before it can say so. */
async function dieAtTheEnd(): Promise<void> {
  await bed.refuse('restore.completed');
  await expect(attempt()).rejects.toThrow();
  await bed.refuse(undefined);
}

async function completedData(): Promise<Record<string, unknown>> {
  const { rows } = await bed.bed.admin.query(
    `SELECT event -> 'data' AS data FROM holdfast.outbox WHERE event_type = 'restore.completed'`,
  );
  expect(rows).toHaveLength(1);
  return rows[0].data;
}

const asked = (database: string, strategy: string) => ({
  ...{
    dataset: 'shop',
    backup: manifest.backupId,
    target: 'staging',
    destination: database,
    strategy,
    safetyBackup: false,
  },
});

describe('what an attempt did that cannot be found out afterwards', () => {
  it('is in the event of a later attempt that restores in place once more', async () => {
    await bed.enqueue('restore', asked(restores.source.name, 'in-place'));
    await dieAtTheEnd();
    await attempt();
    expect(await completedData()).toMatchObject({
      attempt: 2,
      findings: {
        createdRoles: [role],
        withheldRights: [`${role}: LOGIN`],
        droppedObjects: [expect.stringContaining('items_newer')],
        newerObjects: [expect.stringContaining('newer')],
      },
    });
  });

  it('is in the event of a later attempt that finds the new database finished', async () => {
    await bed.enqueue('restore', asked(restores.nameOf('adopted'), 'new'));
    await dieAtTheEnd();
    await attempt();
    expect(await completedData()).toMatchObject({
      attempt: 2,
      findings: { createdRoles: [role], withheldRights: [`${role}: LOGIN`] },
    });
  });

  it('is not done when it could not be written down before', async () => {
    await bed.enqueue('restore', asked(restores.source.name, 'in-place'));
    const isEmpty = `coalesce(findings #> '{findings,createdRoles}', '[]') = '[]'`;
    await bed.bed.admin.query(`ALTER TABLE holdfast.restores ADD CONSTRAINT spec_refuses CHECK (${isEmpty})`);
    await expect(attempt()).rejects.toThrow(/spec_refuses/);
    await bed.bed.admin.query('ALTER TABLE holdfast.restores DROP CONSTRAINT spec_refuses');
    expect(await restores.query('postgres', `SELECT FROM pg_roles WHERE rolname = '${role}'`)).toEqual([]);
  });
});
