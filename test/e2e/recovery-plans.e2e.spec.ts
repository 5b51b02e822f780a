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

  it('waits for the operator where no terminal is and no approval was given, and goes on from there', async () => {
    const stopped = await stage.cli('recovery', 'run', 'whole-platform');
    expect(stopped).toMatchObject({ exitCode: 1, stdout: expect.stringContaining('plan.approval-missing') });
    const resumed = await stage.cli('recovery', 'resume', 'last', '--approve', 'look');
    expect(resumed).toMatchObject({ exitCode: 0 });
    expect(await stage.seen()).toEqual(whole);
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
    const html = join(stage.stateDirectory, 'report.html');
    expect(await stage.cli('recovery', 'report', 'last', '--html', html)).toMatchObject({ exitCode: 0 });
    const runs = (await readdir(stage.stateDirectory, { recursive: true })).filter((name) => /ndjson|html/.test(name));
    expect(runs.length).toBeGreaterThan(3);
    for (const name of runs) {
      const text = await readFile(join(stage.stateDirectory, name), 'utf8');
      expect(stage.hidden.filter((secret) => text.includes(secret))).toEqual([]);
    }
  });
});
