import { tellStandIns } from '#tools/services/control.js';
import type { ServiceName } from '#tools/services/service.js';
import { stopServices, watchServices } from '#tools/services/started.js';
import { whenAborted } from './aborted.js';
import { Crew, stopLeftovers } from './crew.js';
import { forgetKept, readKept, writeKept } from './kept.js';
import { assertPortsFree } from './ports.js';
import { Reporter } from './reporter.js';
import { type Sandbox, urlOf } from './sandbox.js';
import { makeSecrets, type Secrets, toShopEnvironment } from './secrets.js';
import { Shop } from './shop.js';
import { startNeeded } from './start-services.js';
import { explain } from './trouble.js';

/** What every step of a story works with. */
export interface Scene {
  readonly sandbox: Sandbox;
  readonly secrets: Secrets;
  readonly crew: Crew;
  readonly shop: Shop;
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
}

export interface SceneOptions {
  readonly sandbox: Sandbox;
  /** What Holdfast and its shop need. */
  readonly needed: readonly ServiceName[];
  /** The heading of the step that starts them. */
  readonly opening: string;
  /** How many steps the story has, that one included. */
  readonly steps: number;
  /** Everything runs on when the story is over, and this is printed. */
  readonly kept?: string | undefined;
}

/**
 * Plays a story once, on services that it starts where they do not run, and answers whether it came to a good end. Whatever way it ends, what it
 * started is stopped, unless it is to be kept.
 */
export async function playScene(
  { sandbox, needed, opening, steps, kept }: SceneOptions,
  story: (scene: Scene) => Promise<boolean>,
  signal: AbortSignal,
): Promise<boolean> {
  const secrets = makeSecrets();
  const reporter = new Reporter(steps);
  const before = await readKept(sandbox);
  await stopKept(sandbox);
  const services = await watchServices(needed);
  const crew = new Crew(sandbox.home);
  const env = toShopEnvironment(sandbox, secrets);
  const shop = new Shop({ crew, env, url: urlOf(sandbox, 'shop'), signal });
  const ours = async () => [...before, ...(await services.started())];
  const work = async (): Promise<boolean> => {
    await assertPortsFree(sandbox);
    await reporter.tell(opening, async () => {
      await startNeeded(services, signal);
      for (const line of await tellStandIns()) reporter.note(line);
    });
    // Already now: who kills this process lets the next run, or --stop, find them.
    await writeKept(sandbox, await ours());
    return story({ sandbox, secrets, crew, shop, reporter, signal });
  };
  try {
    return await Promise.race([work(), crew.failed, whenAborted(signal)]);
  } finally {
    if (kept !== undefined && !signal.aborted) {
      crew.release();
      await writeKept(sandbox, await ours());
      console.log(kept);
    } else {
      await crew.stopAll();
      await stopServices(await ours());
      await forgetKept(sandbox);
    }
    console.log(`\n${reporter.elapsed} in all`);
  }
}

/** Stops the processes that an earlier call kept or left. */
async function stopKept({ home }: Sandbox): Promise<void> {
  const names = await stopLeftovers(home);
  if (names.length > 0) console.log(`stopped what an earlier run left: ${names.join(', ')}`);
}

/** The same with the services that it had started. */
export async function stopScene(sandbox: Sandbox): Promise<void> {
  await stopKept(sandbox);
  await stopServices(await readKept(sandbox));
  await forgetKept(sandbox);
}

/** The exit code of a program that plays a story; a failure is explained on stderr. */
export async function toExitCode(
  { name, home }: Sandbox,
  play: () => Promise<boolean>,
  { good, signal }: { readonly good: string; readonly signal: AbortSignal },
): Promise<number> {
  try {
    const isGood = await play();
    console.log(isGood ? good : `${name} FAILED: see above`);
    return isGood ? 0 : 1;
  } catch (error) {
    if (signal.aborted) {
      console.error('interrupted; what was started is stopped');
      return 130;
    }
    explain(name, error);
    console.error(`\nlogs of everything: ${home}/logs`);
    return 1;
  }
}
