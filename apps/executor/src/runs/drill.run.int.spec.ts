import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Manifest } from '#common/contracts/manifest.js';
import type { JsonObject } from '#common/domain/json.js';
import { assertDrillAllowed } from '#common/service/drills/choose-drill.js';
import { removeLeft } from '#common/service/drills/left-drills.js';
import { silentLogger } from '#common/telemetry/logger.js';
import { createMetrics } from '#common/telemetry/metrics.js';
import { RestoreTestBed } from '#common/testing/restore-test-bed.js';
import { RunTestBed } from '#common/testing/run-test-bed.js';
import { drillRun } from './drill.run.js';

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
  const accepts = { datasets: ['shop'], strategies: ['new' as const], destinations: ['*'] };
  const target = { kind: 'postgres', url: `${server}/postgres`, toolDirectories };
  const dataset = { kind: 'postgres', url: `${server}/${source.name}`, repositories, toolDirectories };
  bed = await RunTestBed.open({
    repositories: { disk: { url: pathToFileURL(`${backups.folder}/repository`).href } },
    datasets: { shop: { ...dataset, objectives: { rto: '1h', rpo: '1h' } } },
    targets: {
      scratch: { ...target, accepts: { ...accepts, drills: true } },
      live: { ...target, accepts },
    },
    profiles: {
      good: { probes: [{ use: 'row-counts' }, { use: 'checksums' }] },
      wrong: {
        probes: [{ use: 'sql', assertions: [{ name: 'two items', query: 'SELECT count(*)::int FROM items', min: 2 }] }],
      },
    },
    executor: { workDirectory: backups.folder },
  });
});
afterAll(async () => {
  await bed?.close();
  await restores?.drop();
});

beforeEach(() => bed.clear());

const attempt = async (): Promise<void> => {
  const handler = drillRun({ ...bed.deps, metrics: createMetrics({ service: 'spec' }), logger: silentLogger });
  await handler(await bed.claim());
};

const asked = (more: object = {}) => ({ dataset: 'shop', target: 'scratch', profile: 'good', ...more });

/** Which of the places of its attempts are there. */
const scratches = async (): Promise<string[]> => {
  const { rows } = await bed.bed.admin.query('SELECT destination FROM holdfast.drills');
  const found = await Promise.all(rows.map(({ destination }) => restores.databases(destination)));
  return found.flat();
};

const resultOf = async (run: { readonly id: string }): Promise<JsonObject> => {
  const { rows } = await bed.bed.admin.query('SELECT result FROM holdfast.runs WHERE id = $1', [run.id]);
  return rows[0].result;
};

describe('a drill', () => {
  it('restores the newest backup to a place of its own, proves it, measures it, and leaves nothing', async () => {
    const run = await bed.enqueue('drill', asked());
    await attempt();
    expect(await bed.stateOf(run)).toBe('completed');
    expect(await resultOf(run)).toMatchObject({
      ...{ backupId: manifest.backupId, method: 'dump', verdict: 'passed', scratchRemoved: true, recovery: null },
      ...{ isPassed: true, objectives: { rto: { ms: 3_600_000, isMet: true }, rpo: { ms: 3_600_000, isMet: true } } },
      rtoMs: expect.any(Number),
    });
    expect(await bed.said()).toEqual(['drill.started', 'drill.completed']);
    expect(await scratches()).toEqual([]);
  });

  it('is carried through when what it restored is wrong, and does not pass', async () => {
    const run = await bed.enqueue('drill', asked({ profile: 'wrong' }));
    await attempt();
    expect(await resultOf(run)).toMatchObject({ verdict: 'failed', isPassed: false, scratchRemoved: true });
    expect(await scratches()).toEqual([]);
  });

  it('begins anew after an attempt that died, and removes what that one made', async () => {
    const run = await bed.enqueue('drill', asked());
    await bed.refuse('drill.completed');
    await expect(attempt()).rejects.toThrow();
    // As if the process had died before it could tidy up.
    const { rows } = await bed.bed.admin.query('SELECT destination, findings FROM holdfast.drills');
    const { source } = restores;
    await source.onServer(`CREATE DATABASE ${rows[0].destination}`);
    const [{ oid } = { oid: '' }] = await source.query<{ oid: string }>(
      `SELECT oid::text FROM pg_database WHERE datname = '${rows[0].destination}'`,
    );
    await bed.bed.admin.query('UPDATE holdfast.drills SET removed_at = NULL, findings = $1', [
      JSON.stringify({ ...rows[0].findings, doneMark: oid }),
    ]);
    await bed.refuse(undefined);
    await attempt();
    expect(await bed.stateOf(run)).toBe('completed');
    expect(await scratches()).toEqual([]);
    const { rows: attempts } = await bed.bed.admin.query(
      'SELECT attempt, removed_at IS NULL AS "isLeft", completed_at IS NULL AS "isOpen" FROM holdfast.drills ORDER BY attempt',
    );
    expect(attempts).toEqual([
      { attempt: 1, isLeft: false, isOpen: true },
      { attempt: 2, isLeft: false, isOpen: false },
    ]);
  });

  it('never drops a database of its name that it did not make', async () => {
    await bed.enqueue('drill', asked());
    await bed.refuse('drill.completed');
    await expect(attempt()).rejects.toThrow();
    const { rows } = await bed.bed.admin.query('SELECT destination FROM holdfast.drills');
    await restores.source.onServer(`CREATE DATABASE ${rows[0].destination}`);
    await bed.bed.admin.query(
      `UPDATE holdfast.drills SET removed_at = NULL; UPDATE holdfast.runs SET state = 'cancelled', problem = '{}', settled_at = now(), claim_expires_at = NULL`,
    );
    expect(await removeLeft({ ...bed.deps, logger: silentLogger }, signal)).toBe(1);
    expect(await scratches()).toEqual([rows[0].destination]);
    await restores.source.onServer(`DROP DATABASE ${rows[0].destination}`);
  });

  it('leaves nothing of a source that has a subscription either', async () => {
    const { source } = restores;
    await source.execute(
      `CREATE SUBSCRIPTION spec_drilled CONNECTION 'dbname=nowhere' PUBLICATION p WITH (connect = false, enabled = false, slot_name = NONE)`,
    );
    try {
      await restores.backup();
      const run = await bed.enqueue('drill', asked());
      await attempt();
      expect(await resultOf(run)).toMatchObject({ scratchRemoved: true });
      expect(await scratches()).toEqual([]);
    } finally {
      await source.execute('DROP SUBSCRIPTION spec_drilled');
    }
  });
});

describe('a request for a drill', () => {
  const identity = { runId: '0197a5a8-0000-7000-8000-000000000001', attempt: 1 };
  const allow = (more: object) => () => assertDrillAllowed(bed.installation, asked(more), identity);

  it('is refused for a target that may serve people', () => {
    expect(allow({ target: 'live' })).toThrow(expect.objectContaining({ code: 'request.refused' }));
    expect(allow({ target: 'live' })).toThrow('target "live" does not accept drills');
    expect(allow({})).not.toThrow();
  });

  it('is refused where it names a destination, for drills have their own', () => {
    expect(allow({ destination: 'shop' })).toThrow('gets a destination of its own');
  });

  it('is refused for a profile that the dataset cannot be asked for', () => {
    expect(allow({ profile: 'nothing' })).toThrow('there is no profile "nothing"');
  });
});
