import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ProbeOutcome } from '#common/domain/verdict.js';
import { unpackDefinitions } from '#common/engines/postgres/facts/definitions/packing.js';
import type { PostgresManifest } from '#common/engines/postgres/postgres-dataset.js';
import { previewRestore } from '#common/engines/postgres/restore/preview/preview.js';
import { parseProfile } from '#common/engines/profiles.js';
import type { RestoreOutcome } from '#common/operations/restore/restore-backup.js';
import { zooOf } from '#common/testing/object-zoo.js';
import { ZOO_CHANGES } from '#common/testing/object-zoo-changes.js';
import { PLAIN_PROBES } from '#common/testing/plain-probes.js';
import { RestoreTestBed } from '#common/testing/restore-test-bed.js';
import { toProbeContext } from '#common/testing/restored.js';

let bed: RestoreTestBed;
let manifest: PostgresManifest;
let restored: string;
let outcome: RestoreOutcome;

beforeAll(async () => {
  bed = await RestoreTestBed.create('postgres18');
  await zooOf(bed.source);
  manifest = await bed.backup();
  restored = bed.nameOf('restored');
  outcome = await bed.restore(bed.order(manifest, restored));
});
afterAll(async () => {
  // No database goes while one is in it.
  await bed?.source.execute('DROP SUBSCRIPTION IF EXISTS mirror');
  await bed?.drop();
});

async function probe(use: string, database: string, of = manifest): Promise<ProbeOutcome> {
  const [prepared] = parseProfile({ probes: [{ use }] });
  if (prepared === undefined) throw new Error(`no probe ${use}`);
  const restoredTo = { database: bed.connectionTo(database) };
  return prepared.run(toProbeContext(restoredTo, { manifest: of, repository: bed.backups.repository }));
}

const problems = ({ evidence }: ProbeOutcome): string[] =>
  evidence.flatMap(({ subject, problem }) => (problem === undefined ? [] : [`${subject}: ${problem}`]));

describe('a backup of every kind of object', () => {
  it.each(PLAIN_PROBES)('is restored so that %s finds no difference', async (use) => {
    const verdict = await probe(use, restored);
    expect({ problems: problems(verdict), verdict: verdict.verdict }).toEqual({ problems: [], verdict: 'passed' });
  });

  it('names what no archive carries, and fails nothing for it', async () => {
    const { summary } = await probe('schema', restored);
    expect(summary).toContain('table zoo.c has its inherited columns first: pg_dump does not carry their order');
  });

  it('names the subscriptions that no restore creates: in the plan, at its end and in the verdict', async () => {
    expect(outcome.findings['leftOut']).toEqual(['subscription mirror']);
    const order = bed.order(manifest, bed.nameOf('planned'));
    const plan = await previewRestore({ ...order, safety: false }, bed.tools, new AbortController().signal);
    expect(plan.leftOut).toEqual(['subscription mirror']);
    expect((await probe('schema', restored)).summary).toContain('subscription mirror is left out');
    expect(
      await bed.query(
        restored,
        `SELECT FROM pg_subscription WHERE subdbid = (SELECT oid FROM pg_database
      WHERE datname = current_database())`,
      ),
    ).toEqual([]);
  });

  it('is restored in place just so', async () => {
    const database = await copy('in_place', `ALTER TABLE zoo.animals DROP COLUMN name CASCADE`);
    await bed.restore(bed.order(manifest, database, { strategy: 'in-place' }));
    for (const use of ['archive-list', 'row-counts', 'fingerprints', 'schema', 'sequences'])
      expect(problems(await probe(use, database))).toEqual([]);
  });

  it('has no secret in its facts', () => {
    const text = JSON.stringify(unpackDefinitions(manifest.snapshot.definitions));
    expect(text).toContain('zoo.secretly');
    expect(text).not.toMatch(/hunter2|kept out/);
  });
});

describe.each(Object.entries(ZOO_CHANGES))('changes of %s', (group, changes) => {
  it('are each named in words, and nothing else is', async () => {
    const database = await copy(group.replaceAll(/[^a-z]/g, ''), ...changes.map(({ statement }) => statement));
    const found = await probe('schema', database);
    expect(found.verdict).toBe('failed');
    const expected = changes.flatMap(({ problem, also = [] }) => [problem, ...also]);
    expect(problems(found).sort()).toEqual(expected.sort());
  });
});

describe('a large object', () => {
  it('of other content, of another owner, lost or made since is named', async () => {
    const owner = await bed.source.createRole('painter');
    const database = await copy(
      'pictures',
      `SELECT lo_put(4711, 2, 'x')`,
      `ALTER LARGE OBJECT 4712 OWNER TO ${owner}`,
      `SELECT lo_unlink(4713)`,
      `SELECT lo_create(4714)`,
    );
    expect(problems(await probe('fingerprints', database))).toEqual([
      'large object 4711: the content differs',
      'large object 4713: the content differs',
    ]);
    expect(problems(await probe('privileges', database))).toEqual(['large object 4712: the owner changed']);
    expect(problems(await probe('schema', database))).toEqual([
      'large object 4713: is missing',
      'large object 4714: is not in the backup',
    ]);
  });
});

describe('the database itself', () => {
  it('is reported with another comment or connection limit', async () => {
    const database = await copy('itself');
    await bed.source.onServer(
      `COMMENT ON DATABASE "${database}" IS 'another'`,
      `ALTER DATABASE "${database}" CONNECTION LIMIT 5`,
    );
    expect(problems(await probe('schema', database))).toEqual([
      'the database: the comment differs',
      'the database: the connection limit differs',
    ]);
  });
});

describe('a column that changed', () => {
  it('is reported with what it was and what it is', async () => {
    const database = await copy('column', `ALTER TABLE zoo.odd ALTER "DEFAULT" TYPE text`);
    expect((await probe('schema', database)).evidence).toEqual([
      { subject: 'column zoo.odd."DEFAULT"', expected: 'integer', actual: 'text', problem: 'the type differs' },
    ]);
  });
});

/** A copy of the restored database, changed. */
async function copy(suffix: string, ...statements: string[]): Promise<string> {
  const name = bed.nameOf(suffix);
  await bed.source.onServer(`CREATE DATABASE "${name}" TEMPLATE "${restored}"`);
  await bed.onDatabase(name, async (session) => {
    for (const statement of statements) await session.query(statement);
  });
  return name;
}
