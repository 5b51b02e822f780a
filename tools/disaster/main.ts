import { parseArgs } from 'node:util';
import { stopSignal } from '#tools/process/stop-signal.js';
import { toSandbox } from '#tools/sandbox/sandbox.js';
import { playScene, type Scene, toExitCode } from '#tools/sandbox/scene.js';
import { shopServices } from '#tools/sandbox/start-services.js';
import { playStory, storySteps } from './story.js';

const usage = `usage: npm run disaster [-- --small]

Destroys a whole platform under load and recovers it by one command to one moment; then destroys it
with Holdfast's catalog, topics and services as well, and recovers it by the same command. A table says what was lost.
Exits 0 only when everything came back that the backups held, and no event is missing or twice.

  --small   fewer products and orders, and no Temporal`;

const SMALL = { products: 30, orders: 40 };

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { small: { type: 'boolean' }, help: { type: 'boolean' } } });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const sandbox = toSandbox('disaster', values.small ? SMALL : {});
  const signal = stopSignal();
  const options = {
    ...{ sandbox, needed: [...shopServices, 'redis'] as const, steps: storySteps },
    opening: 'start PostgreSQL, Kafka, S3, Meilisearch and Redis',
  };
  const good = 'everything that was backed up is back, and every event once';
  const story = (scene: Scene) => playStory(scene, { wantsWorkflows: !values.small });
  return toExitCode(sandbox, () => playScene(options, story, signal), { good, signal });
}

// Timers of closed clients would keep the process for seconds.
process.exit(await main());
