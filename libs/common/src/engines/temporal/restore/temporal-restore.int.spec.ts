import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Manifest } from '#common/contracts/manifest.js';
import { PgSession } from '#common/engines/postgres/pg-session.js';
import { parsePgUrl, withDatabase } from '#common/pg/connection.js';
import { startTemporalDataset } from '#common/testing/datasets/temporal-dataset.js';
import { EngineHarness } from '#common/testing/engine-harness.js';
import { endpoints } from '#tools/services/endpoints.js';

const { signal } = new AbortController();
const server = parsePgUrl(endpoints.postgres18.url);

describe('a restore of both databases of a Temporal', () => {
  let bed: EngineHarness;
  let manifest: Manifest;
  const sessions: PgSession[] = [];
  beforeAll(async () => {
    bed = await EngineHarness.start(await startTemporalDataset(), false);
    await bed.fixture.write();
    manifest = await bed.backup();
  }, 120_000);
  afterAll(async () => {
    for (const session of sessions) await session.close();
    await bed?.close();
  });

  const open = async (database: string): Promise<PgSession> => {
    const session = await PgSession.open(withDatabase(server, database), { signal, applicationName: 'spec' });
    sessions.push(session);
    return session;
  };
  const restored = async (): Promise<string> => {
    const destination = bed.fixture.newDestination();
    await bed.restore(bed.order(manifest, destination));
    return destination;
  };
  const drop = async (database: string): Promise<void> => {
    const session = await open('postgres');
    await session.query(`DROP DATABASE "${database}"`);
  };
  const refusals = async (destination: string, { strategy, safety }: { strategy: string; safety: boolean }) => {
    const question = { manifest: await bed.open(manifest), target: bed.target, destination, strategy, safety };
    return (await bed.driver(manifest).plan(question, signal)).refusals;
  };

  it('replaces neither database while a session is open in one of them', async () => {
    const destination = await restored();
    await bed.fixture.write(destination);
    const before = await bed.fixture.read(destination);
    const session = await open(`${destination}_visibility`);
    await expect(bed.restore(bed.order(manifest, destination, 'replace'))).rejects.toMatchObject({
      code: 'restore.blocked',
      message: expect.stringContaining(`database "${destination}_visibility" has 1 open sessions`),
    });
    await session.close();
    expect(await bed.fixture.read(destination)).toBe(before);
    expect(await bed.leftovers()).toEqual([]);
  });

  it('makes half a Temporal whole, where the half that is there need not be backed up', async () => {
    const destination = await restored();
    await drop(`${destination}_visibility`);
    expect(await refusals(destination, { strategy: 'new', safety: false })).toMatchObject([
      { code: 'restore.database-exists', message: `database "${destination}" exists already` },
    ]);
    expect(await refusals(destination, { strategy: 'replace', safety: true })).toMatchObject([
      { code: 'restore.database-missing', hint: expect.stringContaining('--no-safety-backup') },
    ]);
    await bed.restore(bed.order(manifest, destination, 'replace'));
    expect(await bed.fixture.read(destination)).toBe(await bed.fixture.read());
  });

  it('never takes a database away that is no store of a Temporal', async () => {
    const destination = await restored();
    const session = await open(destination);
    await session.query('ALTER TABLE current_executions RENAME TO something_else');
    await session.close();
    expect(await refusals(destination, { strategy: 'replace', safety: false })).toMatchObject([
      { code: 'temporal.store-missing', message: expect.stringContaining('is no main store of Temporal') },
    ]);
  });

  it('finds another cluster, another schema version and a namespace that is gone', async () => {
    const destination = await restored();
    const session = await open(destination);
    await session.query('DELETE FROM namespaces');
    await session.query(`UPDATE schema_version SET curr_version = '1.0'`);
    await session.query(
      `INSERT INTO cluster_metadata_info (metadata_partition, cluster_name, data, data_encoding, version)
       VALUES (0, 'other', decode('0a056f746865721080041a0178', 'hex'), 'Proto3', 1)`,
    );
    await session.close();
    const { verdict, outcomes } = await bed.verify(manifest, destination);
    expect(verdict).toBe('failed');
    const [about] = outcomes.filter(({ probe }) => probe === 'temporal');
    expect(about?.evidence).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ subject: 'schema version of the main store', actual: '1.0' }),
        { subject: 'namespace spec', problem: 'is missing' },
        { subject: 'cluster other', problem: 'is not in the backup' },
      ]),
    );
  });

  it('leaves the verdict open where the visibility store lists what the main store does not know', async () => {
    const destination = await restored();
    const session = await open(destination);
    await session.query('DELETE FROM executions');
    await session.query('DELETE FROM current_executions');
    await session.close();
    const [about] = (await bed.verify(manifest, destination)).outcomes.filter(({ probe }) => probe === 'temporal');
    expect(about?.evidence).toContainEqual(
      expect.objectContaining({ problem: expect.stringContaining('nothing will ever close it') }),
    );
  });
});
