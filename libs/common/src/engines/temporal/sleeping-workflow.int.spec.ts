import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { EngineHarness } from '#common/testing/engine-harness.js';
import { SleepingWorkflow } from '#common/testing/sleeping-workflow.js';
import { startTemporalStore } from '#common/testing/stores/temporal-store.js';
import { TemporalServer } from '#common/testing/temporal-server.js';

describe('a workflow that sleeps through a disaster', () => {
  let bed: EngineHarness;
  let server: TemporalServer | undefined;
  beforeAll(async () => {
    bed = await EngineHarness.start(await startTemporalStore(), false);
  }, 120_000);
  afterAll(async () => {
    await server?.stop();
    await bed?.close();
  });

  it('wakes up and finishes in the restored Temporal', async () => {
    const { store } = bed;
    const database = databaseOf(store.dataset['url']);
    server = await TemporalServer.start({ database });
    const workflow = await SleepingWorkflow.start(server, { seconds: 8 });
    const manifest = await bed.backup();
    await server.stop();
    await store.destroy();
    expect(await store.read()).toBeNull();

    const destination = store.newDestination();
    await bed.restore(bed.order(manifest, destination));
    const { verdict, outcomes } = await bed.verify(manifest, destination);
    expect({ verdict, wrong: outcomes.filter((each) => each.verdict !== 'passed') }).toEqual({
      verdict: 'passed',
      wrong: [],
    });

    server = await TemporalServer.start({ database: destination });
    expect(await workflow.finish(server)).toBe('awake');
  }, 180_000);
});

const databaseOf = (url: unknown): string => new URL(String(url)).pathname.slice(1);
