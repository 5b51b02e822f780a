import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Manifest } from '#common/contracts/manifest.js';
import { withPgSession } from '#common/engines/postgres/pg-session.js';
import { parsePgUrl, withDatabase } from '#common/pg/connection.js';
import { startTemporalDataset } from '#common/testing/datasets/temporal-dataset.js';
import { EngineHarness } from '#common/testing/engine-harness.js';
import { runsEvery } from '#common/testing/representative.js';
import { RunningSchedule } from '#common/testing/running-schedule.js';
import { eventually, SleepingWorkflow } from '#common/testing/sleeping-workflow.js';
import { TemporalServer } from '#common/testing/temporal-server.js';
import { endpoints } from '#tools/services/endpoints.js';

const { signal } = new AbortController();
const HELD = { 'worker.enableScheduler': false };

describe('a Temporal whose databases were dropped', () => {
  let bed: EngineHarness;
  let server: TemporalServer | undefined;
  let workflow: SleepingWorkflow;
  let unattended: RunningSchedule;
  let attended: RunningSchedule;
  let manifest: Manifest;
  let destination: string;
  beforeAll(async () => {
    bed = await EngineHarness.start(await startTemporalDataset(), false);
    const { fixture } = bed;
    server = await TemporalServer.start({ database: databaseOf(fixture.dataset['url']) });
    await server.registerNamespace();
    unattended = await RunningSchedule.start(server, 'unattended');
    attended = await RunningSchedule.start(server, 'attended');
    const source = databaseOf(fixture.dataset['url']);
    await eventually(async () => expect(await taken(source, attended)).toBeGreaterThan(0));
    // Last, so that it still sleeps when the backup opens its snapshots.
    workflow = await SleepingWorkflow.start(server, { seconds: 15 });
    manifest = await bed.backup();
    await server.stop();
    await fixture.destroy();
    destination = fixture.newDestination();
    await bed.restore(bed.order(manifest, destination));
    await workflow.overslept();
  }, 240_000);
  afterAll(async () => {
    await server?.stop();
    await bed?.close();
  });

  it('is proven equal before it is started, and what will happen again is listed', async () => {
    const { verdict, outcomes } = await bed.verify(manifest, destination);
    expect({ verdict, wrong: outcomes.filter((each) => each.verdict !== 'passed') }).toEqual({
      verdict: 'passed',
      wrong: [],
    });
    const [about] = outcomes.filter(({ probe }) => probe === 'temporal');
    const subjects = about?.evidence.map(({ subject }) => subject) ?? [];
    expect(subjects).toContainEqual(
      expect.stringContaining(`workflow ${workflow.workflowId} in namespace spec: timer nap`),
    );
    for (const { scheduleId } of [attended, unattended])
      expect(subjects).toContain(`Schedule ${scheduleId} takes the actions that it missed`);
  });

  it('lets a workflow that slept through the disaster wake up and finish, while Schedules are held', async () => {
    const before = [await taken(destination, attended), await taken(destination, unattended)];
    server = await TemporalServer.start({ database: destination, dynamic: HELD });
    expect(await workflow.finish(server)).toBe('awake');
    expect([await taken(destination, attended), await taken(destination, unattended)]).toEqual(before);
  }, 180_000);

  if (runsEvery)
    it('takes no missed action of a Schedule that was paused while held, and those of the others when they are released', async () => {
      if (server === undefined) throw new Error('Temporal is not up');
      const before = { attended: await taken(destination, attended), unattended: await taken(destination, unattended) };
      await attended.pause(server);
      await server.stop();
      const releasedAt = new Date();
      server = await TemporalServer.start({ database: destination });
      await eventually(async () => expect(await isPaused(destination, attended)).toBe(true));
      await eventually(async () =>
        expect(await taken(destination, unattended, releasedAt)).toBeGreaterThan(before.unattended + 3),
      );
      expect(await taken(destination, attended)).toBe(before.attended);
    }, 120_000);
});

const databaseOf = (url: unknown): string => new URL(String(url)).pathname.slice(1);

function ask<Row extends object>(database: string, text: string, values: readonly unknown[]): Promise<Row> {
  const connection = withDatabase(parsePgUrl(endpoints.postgres18.url), database);
  return withPgSession(connection, { signal, applicationName: 'spec' }, (session) =>
    session.queryOne<Row>(text, values),
  );
}

/** How many actions of a Schedule were taken, of those that were due before an instant; their executions are called after the instant. */
async function taken(
  database: string,
  { scheduleId }: RunningSchedule,
  dueBefore = new Date(2100, 1),
): Promise<number> {
  const text = `SELECT count(*)::int AS taken FROM current_executions
    WHERE workflow_id LIKE $1 || '-%' AND substr(workflow_id, length($1) + 2)::timestamptz < $2`;
  return (await ask<{ taken: number }>(database, text, [scheduleId, dueBefore])).taken;
}

async function isPaused(database: string, { scheduleId }: RunningSchedule): Promise<boolean | null> {
  const text = `SELECT temporalschedulepaused AS paused FROM executions_visibility
    WHERE workflow_id = 'temporal-sys-scheduler:' || $1`;
  return (await ask<{ paused: boolean | null }>(`${database}_visibility`, text, [scheduleId])).paused;
}
