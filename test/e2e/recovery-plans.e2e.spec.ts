import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { PlanStage } from '../support/plan-stage.js';

let stage: PlanStage;

beforeAll(async () => {
  stage = await PlanStage.set();
}, 180_000);
afterAll(async () => {
  await stage?.strike();
});

const whole = {
  products: { rows: 200, slugs: 200 },
  orders: { rls: true, rows: 100 },
  isMediaBack: true,
  cached: 0,
  isServing: true,
};

const read = async (...path: string[]) => JSON.parse((await stage.cli('recovery', ...path, '--json')).stdout);

describe('a whole platform that is gone, with neither services, catalog nor bus', () => {
  beforeEach(async () => {
    await stage.destroy();
  });

  it('is checked and forecast before: backups, keys, targets and programs are asked, and nothing is changed', async () => {
    const checked = await stage.cli('recovery', 'check', 'whole-platform');
    expect(checked).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('nothing stands in the way') });
    expect(checked.stdout).toMatch(/plan whole-platform, step migrate: program: .*alembic/);
    const { document, text } = {
      document: await read('plan', 'whole-platform'),
      text: (await stage.cli('recovery', 'plan', 'whole-platform')).stdout,
    };
    expect(document).toMatchObject({
      refusals: [],
      forecast: { seconds: 0, unmeasured: expect.arrayContaining(['migrate']) },
    });
    expect(text).toMatch(/restore-database: backup [0-9a-f-]{36}, as of \S+, \d+ s ago/);
    expect(await stage.runsOf('provision-shop')).toBe(0);
  });

  it('is brought back by one command, and the report shows what came back and what was lost', async () => {
    const ran = await stage.cli('recovery', 'run', 'whole-platform', '--approve', 'look', '--json');
    expect(ran).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await stage.seen()).toEqual(whole);
    const report = JSON.parse(ran.stdout);
    expect(report).toMatchObject({
      outcome: 'completed',
      rtoSeconds: expect.any(Number),
      rpoSeconds: expect.any(Number),
    });
    expect(report.restored).toMatchObject([{ dataset: 'shop' }, { dataset: 'media', destination: 'media' }]);
    expect(report.verdicts.map(({ verdict }: { verdict: string }) => verdict)).toEqual(['passed', 'passed']);
    expect(await read('report', 'last')).toEqual(report);
    expect((await read('plan', 'whole-platform')).forecast).toMatchObject({
      seconds: expect.any(Number),
      unmeasured: [],
    });
    const bad = await stage.cli('recovery', 'check', 'whole-platform');
    expect(bad).toMatchObject({ exitCode: 1, stdout: expect.stringContaining('restore.database-exists') });
  });

  it('is brought back by a run that was killed in its restore and resumed, with every other step done once', async () => {
    const before = await stage.runsOf('provision-shop');
    const args = ['recovery', 'run', 'whole-platform', '--yes'];
    expect(await stage.cliKilledAt(/… restore-database/, 150, ...args)).toBe(true);
    const interrupted = await read('report', 'last');
    expect(interrupted).toMatchObject({ outcome: 'open' });
    const resumed = await stage.cli('recovery', 'resume', 'last', '--yes');
    expect(resumed).toMatchObject({ exitCode: 0 });
    expect(await stage.seen()).toEqual(whole);
    expect(await stage.runsOf('provision-shop')).toBe(before + 1);
    const report = await read('report', 'last');
    expect(report.steps.find(({ name }: { name: string }) => name === 'restore-database')).toMatchObject({
      ...{ progress: 'completed', attempts: 2, evidence: { backupId: report.restored[0].backupId } },
    });
  }, 120_000);
});

describe('a database that is damaged', () => {
  it('is replaced, migrated, backfilled and proven, and a backfill that was answered is not asked for again', async () => {
    await stage.damage();
    const before = stage.begunBackfills;
    expect(await stage.cliKilledAt(/running/, 0, 'recovery', 'run', 'database')).toBe(true);
    const resumed = await stage.cli('recovery', 'resume', 'last');
    expect(resumed).toMatchObject({ exitCode: 0, stderr: expect.not.stringContaining('… restore') });
    expect(await stage.seen()).toEqual(whole);
    expect(stage.begunBackfills).toBe(before + 1);
  }, 120_000);
});

describe('what is kept of runs', () => {
  it('shows no secret, in reports, journals or listings', async () => {
    const to = join(stage.stateDirectory, 'evidence');
    expect(await stage.cli('recovery', 'report', 'last', '--to', to)).toMatchObject({ exitCode: 0 });
    const runs = (await readdir(stage.stateDirectory, { recursive: true })).filter((name) =>
      /ndjson|html|json/.test(name),
    );
    expect(runs.length).toBeGreaterThan(3);
    for (const name of runs) {
      const text = await readFile(join(stage.stateDirectory, name), 'utf8');
      expect(stage.hidden.filter((secret) => text.includes(secret))).toEqual([]);
    }
  });
});
