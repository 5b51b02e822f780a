import { join } from 'node:path';
import { root } from '#tools/check/root.js';
import { stopSignal } from '#tools/process/stop-signal.js';
import { whenAborted } from '#tools/sandbox/aborted.js';
import { startApps } from '#tools/sandbox/apps.js';
import { Crew, stopLeftovers } from '#tools/sandbox/crew.js';
import { databaseExists } from '#tools/sandbox/databases.js';
import { assertPortsFree } from '#tools/sandbox/ports.js';
import { prepareHoldfast } from '#tools/sandbox/prepare.js';
import { toSandbox, urlOf } from '#tools/sandbox/sandbox.js';
import { toHoldfastEnvironment, toShopEnvironment } from '#tools/sandbox/secrets.js';
import { Shop } from '#tools/sandbox/shop.js';
import { shopServices, startNeeded } from '#tools/sandbox/start-services.js';
import { explain } from '#tools/sandbox/trouble.js';
import { tellStandIns } from '#tools/services/control.js';
import { watchServices } from '#tools/services/started.js';
import { followLogs } from './follow-logs.js';
import { toGuide } from './guide.js';
import { loadSecrets } from './load-secrets.js';

const sandbox = toSandbox('dev');

/** Everything that a developer needs, with data that stays between two calls; returns when it answers. */
async function open(crew: Crew, signal: AbortSignal): Promise<void> {
  // Data that was made with other secrets is of no use.
  const { secrets, areNew } = await loadSecrets(sandbox);
  await assertPortsFree(sandbox);
  await prepareHoldfast(sandbox, { secrets, keep: !areNew });
  const url = urlOf(sandbox, 'shop');
  const shop = new Shop({ crew, env: toShopEnvironment(sandbox, secrets), url, signal });
  if (areNew) await shop.run('drop');
  if (!(await databaseExists(sandbox.shop.database))) await shop.run('create');
  await Promise.all([shop.serve(), shop.project()]);
  await startApps({ sandbox, crew, env: toHoldfastEnvironment(sandbox, secrets), signal, isWatching: true });
}

/** Recompiles what changes; its errors are what a developer wants to see, so they go to the terminal. */
function watchSources(crew: Crew): void {
  crew.start('tsc', {
    args: [join(root, 'node_modules/typescript/bin/tsc'), '-p', root, '--watch', '--preserveWatchOutput'],
    env: {},
  });
}

/** Runs until Ctrl-C or until something breaks; then stops all that it started. */
async function run(signal: AbortSignal): Promise<void> {
  const left = await stopLeftovers(sandbox.home);
  if (left.length > 0) console.log(`stopped what an earlier run left: ${left.join(', ')}`);
  const services = await watchServices(shopServices);
  const crew = new Crew(sandbox.home);
  const work = async (): Promise<never> => {
    await startNeeded(services, signal);
    await open(crew, signal);
    watchSources(crew);
    console.log(toGuide(sandbox));
    for (const line of await tellStandIns()) console.log(`  ${line}`);
    return followLogs(sandbox, signal);
  };
  try {
    await Promise.race([work(), crew.failed, whenAborted(signal)]);
  } finally {
    await crew.stopAll();
    await services.stop();
  }
}

const signal = stopSignal();
try {
  await run(signal);
} catch (error) {
  if (signal.aborted) console.log('stopped');
  else explain('dev', error);
  process.exit(signal.aborted ? 0 : 1);
}
