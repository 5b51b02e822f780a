import { parseArgs } from 'node:util';
import { stopSignal } from '#tools/process/stop-signal.js';
import { whenAborted } from '#tools/sandbox/aborted.js';
import { Crew, stopLeftovers } from '#tools/sandbox/crew.js';
import { assertPortsFree } from '#tools/sandbox/ports.js';
import { toSandbox, urlOf } from '#tools/sandbox/sandbox.js';
import { makeSecrets, toShopEnvironment } from '#tools/sandbox/secrets.js';
import { Shop } from '#tools/sandbox/shop.js';
import { startNeeded, watchNeeded } from '#tools/sandbox/start-services.js';
import { explain } from '#tools/sandbox/trouble.js';
import { tellStandIns } from '#tools/services/control.js';
import { stopServices } from '#tools/services/started.js';
import { BusClient } from './bus-client.js';
import { forgetKept, readKept, toKeptText, writeKept } from './kept.js';
import { Reporter } from './reporter.js';
import { playStory, storySteps } from './story.js';

const usage = `usage: npm run quickstart [-- --keep | --stop]

Loads a sample shop, backs it up, destroys its database and pictures, restores both, proves them equal, and replays
the orders since.
Exits 0 only when every verdict passed and every order is back, none twice.

  --keep   leave services, apps and shop running afterwards, also when it failed
  --stop   stop what an earlier --keep left running`;

const sandbox = toSandbox('quickstart');

async function stopKept(): Promise<void> {
  const names = await stopLeftovers(sandbox.home);
  if (names.length > 0) console.log(`stopped what an earlier run left: ${names.join(', ')}`);
}

/** Plays the story once. Whatever way it ends, what it started is stopped, unless it is to be kept. */
async function play(signal: AbortSignal, { keep }: { readonly keep: boolean }): Promise<boolean> {
  const secrets = makeSecrets();
  const reporter = new Reporter(storySteps);
  const kept = await readKept(sandbox);
  await stopKept();
  const services = await watchNeeded();
  const crew = new Crew(sandbox.home);
  const shopEnv = toShopEnvironment(sandbox, secrets);
  const shop = new Shop({ crew, env: shopEnv, url: urlOf(sandbox, 'shop'), signal });
  const bus = new BusClient(sandbox.topicPrefix, signal);
  const ours = async () => [...kept, ...(await services.started())];
  const work = async (): Promise<boolean> => {
    await assertPortsFree(sandbox);
    await reporter.tell('start PostgreSQL, Kafka, S3 and Meilisearch', async () => {
      await startNeeded(services, signal);
      for (const line of await tellStandIns()) reporter.note(line);
    });
    // Already now: who kills this process lets the next run, or --stop, find them.
    await writeKept(sandbox, await ours());
    return playStory({ sandbox, secrets, crew, shop, bus, reporter, signal });
  };
  try {
    return await Promise.race([work(), crew.failed, whenAborted(signal)]);
  } finally {
    await bus.close().catch(() => undefined);
    if (keep && !signal.aborted) {
      crew.release();
      await writeKept(sandbox, await ours());
      console.log(toKeptText(sandbox));
    } else {
      await crew.stopAll();
      await stopServices(await ours());
      await forgetKept(sandbox);
    }
    console.log(`\n${reporter.elapsed} in all`);
  }
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { keep: { type: 'boolean' }, stop: { type: 'boolean' }, help: { type: 'boolean' } },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  if (values.stop) {
    await stopKept();
    await stopServices(await readKept(sandbox));
    await forgetKept(sandbox);
    return 0;
  }
  const signal = stopSignal();
  try {
    const isGood = await play(signal, { keep: values.keep ?? false });
    console.log(isGood ? 'every verdict passed, and every order is back, none twice' : 'quickstart FAILED: see above');
    return isGood ? 0 : 1;
  } catch (error) {
    if (signal.aborted) {
      console.error('interrupted; what was started is stopped');
      return 130;
    }
    explain('quickstart', error);
    console.error(`\nlogs of everything: ${sandbox.home}/logs`);
    return 1;
  }
}

// Timers of closed clients would keep the process for seconds.
process.exit(await main());
