import { parseArgs } from 'node:util';
import { stopSignal } from '#tools/process/stop-signal.js';
import { toSandbox } from '#tools/sandbox/sandbox.js';
import { playScene, type Scene, stopScene, toExitCode } from '#tools/sandbox/scene.js';
import { shopServices } from '#tools/sandbox/start-services.js';
import { BusClient } from './bus-client.js';
import { toKeptText } from './kept-text.js';
import { playStory, storySteps } from './story.js';

const usage = `usage: npm run quickstart [-- --keep | --stop]

Loads a sample shop, backs it up, destroys its database and pictures, restores both, proves them equal, and replays
the orders since.
Exits 0 only when every verdict passed and every order is back, none twice.

  --keep   leave services, apps and shop running afterwards, also when it failed
  --stop   stop what an earlier --keep left running`;

const sandbox = toSandbox('quickstart');

async function play(keep: boolean, signal: AbortSignal): Promise<boolean> {
  const bus = new BusClient(sandbox.topicPrefix, signal);
  const options = {
    ...{ sandbox, needed: shopServices, steps: storySteps, kept: keep ? toKeptText(sandbox) : undefined },
    opening: 'start PostgreSQL, Kafka, S3 and Meilisearch',
  };
  const story = async (scene: Scene): Promise<boolean> => {
    try {
      return await playStory({ ...scene, bus });
    } finally {
      await bus.close().catch(() => undefined);
    }
  };
  return playScene(options, story, signal);
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
    await stopScene(sandbox);
    return 0;
  }
  const signal = stopSignal();
  const good = 'every verdict passed, and every order is back, none twice';
  return toExitCode(sandbox, () => play(values.keep ?? false, signal), { good, signal });
}

// Timers of closed clients would keep the process for seconds.
process.exit(await main());
