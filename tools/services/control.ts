import { readFile, rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { lastLines } from '#tools/process/run-child.js';
import { findProcess, type RunningProcess } from './background.js';
import { isComposed } from './compose.js';
import { prepareHome } from './home.js';
import { kafka } from './kafka.js';
import { withLock } from './lock.js';
import { meilisearch } from './meilisearch.js';
import { dataDir, logFile } from './paths.js';
import { postgres15 } from './postgres-15.js';
import { postgres18 } from './postgres-18.js';
import { redis, valkey } from './redis.js';
import { s3 } from './s3.js';
import { CannotInstall, type Print, type Service, type ServiceName, serviceNames } from './service.js';
import { ensureTools, findTools } from './tools.js';

const services: readonly Service[] = [postgres18, postgres15, kafka, s3, redis, valkey, meilisearch];

/** The services of these names; all when there is none. Throws on an unknown name. */
export function selectServices(names: readonly string[]): readonly Service[] {
  const unknown = names.find((name) => !(serviceNames as readonly string[]).includes(name));
  if (unknown !== undefined)
    throw new Error(`unknown service ${JSON.stringify(unknown)}: it is one of ${serviceNames.join(', ')}`);
  return names.length === 0 ? services : services.filter(({ name }) => names.includes(name));
}

/**
 * Starts what does not run yet and returns once every service really answers. True when all that were asked for do.
 * Two calls at once are safe: the second waits for the first and finds nothing left to do.
 */
export async function up(names: readonly ServiceName[] | readonly string[], print: Print): Promise<boolean> {
  const selected = selectServices(names);
  if ((await Promise.all(selected.map(isOursAnswering))).every(Boolean) && (await hasAllTools())) {
    print(`all up: ${(await Promise.all(selected.map(toShownName))).join(', ')}`);
    return true;
  }
  await prepareHome(print);
  return withLock(print, async () => {
    const asked = new Set(names as readonly string[]);
    const [hasTools, ...results] = await Promise.all([
      ensureTools(print),
      ...selected.map((service) => bringUp(service, asked.has(service.name), print)),
    ]);
    return hasTools && results.every(Boolean);
  });
}

/** Stops what this checkout started; the data stays. */
export async function down(names: readonly string[], print: Print): Promise<void> {
  const selected = selectServices(names);
  await prepareHome(print);
  await withLock(print, () => stopAll(selected, print));
}

/** Stops them and wipes their data; downloads stay. */
export async function reset(names: readonly string[], print: Print): Promise<void> {
  const selected = selectServices(names);
  await prepareHome(print);
  await withLock(print, async () => {
    await stopAll(selected, print);
    for (const { name } of selected) await rm(dataDir(name), { recursive: true, force: true });
    print(`wiped the data of ${selected.map(({ name }) => name).join(', ')}`);
  });
}

/** Prints a table; true when all that were asked for are up. */
export async function status(names: readonly string[], print: Print): Promise<boolean> {
  const rows = await Promise.all(
    selectServices(names).map(async (service) => {
      const [running, isAnswering] = await Promise.all([findProcess(service.name), service.isAnswering()]);
      const state = toState(service, running, isAnswering);
      const isDocker = state === 'foreign' && (await isComposed(service));
      const server = (await isStandIn(service)) ? `stand-in for ${service.version}` : service.version;
      return { service, running, server, state: isDocker ? 'docker' : state };
    }),
  );
  for (const { service, running, server, state } of rows) {
    print(
      [
        service.name.padEnd(12),
        state.padEnd(8),
        `127.0.0.1:${running?.port ?? service.port}`.padEnd(16),
        `pid ${running?.pid ?? '-'}`.padEnd(12),
        server,
      ].join(' '),
    );
  }
  for (const { command, path } of await findTools()) print(`${command.padEnd(12)} ${path ?? 'missing'}`);
  return rows.every(({ state }) => state === 'up' || state === 'docker');
}

/** A line for each service that a stand-in answers for, to stand beside results. */
export async function tellStandIns(): Promise<readonly string[]> {
  const lines = services.map(async (service) => ((await isStandIn(service)) ? [await toStandInLine(service)] : []));
  return (await Promise.all(lines)).flat();
}

async function toStandInLine(service: Service): Promise<string> {
  const why =
    (await service.whyStandIn?.()) ?? `\`npm run services -- down ${service.name}\`, then \`up\`, starts the real one`;
  return `${service.name} is a stand-in for ${service.version}: ${why} (see docs/how-to/run-services.md)`;
}

const isStandIn = async (service: Service): Promise<boolean> => (await service.isStandIn?.()) ?? false;

const toShownName = async (service: Service): Promise<string> =>
  (await isStandIn(service)) ? `${service.name} (stand-in)` : service.name;

/** `foreign`: a server that this checkout did not start has the port; `moved`: ours runs with another port offset; `silent`: it runs and does not answer. */
export function toState(service: { port: number }, running: RunningProcess | undefined, isAnswering: boolean): string {
  if (running === undefined) return isAnswering ? 'foreign' : 'down';
  if (running.port !== service.port) return 'moved';
  return isAnswering ? 'up' : 'silent';
}

async function stopAll(selected: readonly Service[], print: Print): Promise<void> {
  await Promise.all(
    selected.map(async (service) => {
      const wasRunning = (await findProcess(service.name)) !== undefined;
      await service.stop();
      if (wasRunning) print(`${service.name} is down`);
    }),
  );
}

async function isOursAnswering(service: Service): Promise<boolean> {
  return (await findProcess(service.name))?.port === service.port && (await service.isAnswering());
}

async function hasAllTools(): Promise<boolean> {
  return (await findTools()).every(({ path, isOptional }) => isOptional || path !== undefined);
}

async function bringUp(service: Service, isAskedFor: boolean, print: Print): Promise<boolean> {
  const startedAt = performance.now();
  try {
    if (await isOursAnswering(service)) return true;
    if (await isLeftToDocker(service, print)) return true;
    const running = await findProcess(service.name);
    if (running === undefined) {
      await service.ensureInstalled();
      await refuseForeign(service);
      await service.start();
    } else refuseMoved(service, running);
    await waitUntilAnswering(service);
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    print(`${await toShownName(service)} answers on 127.0.0.1:${service.port} after ${seconds} s`);
    return true;
  } catch (error) {
    const isSkipped = error instanceof CannotInstall && service.isOptional && !isAskedFor;
    print(`${service.name} ${isSkipped ? 'is optional and skipped' : 'is not up'}: ${(error as Error).message}`);
    return isSkipped;
  }
}

async function isLeftToDocker(service: Service, print: Print): Promise<boolean> {
  const isRunning = (await findProcess(service.name)) !== undefined;
  if (isRunning || !(await service.isAnswering()) || !(await isComposed(service))) return false;
  print(`${service.name} answers on 127.0.0.1:${service.port}, run by docker compose`);
  return true;
}

function refuseMoved({ port }: Service, running: RunningProcess): void {
  if (running.port === port) return;
  throw new Error(
    `it runs on port ${running.port}, with another HOLDFAST_PORT_OFFSET: set that, or run \`npm run services -- down\` first`,
  );
}

async function refuseForeign(service: Service): Promise<void> {
  if (!(await service.isAnswering())) return;
  throw new Error(
    `port ${service.port} is answered by a server that this checkout did not start: stop it, or set HOLDFAST_PORT_OFFSET=100`,
  );
}

async function waitUntilAnswering(service: Service, limitMs = 120_000): Promise<void> {
  const endsAt = performance.now() + limitMs;
  while (!(await service.isAnswering())) {
    const isGone = (await findProcess(service.name)) === undefined;
    if (isGone || performance.now() > endsAt) {
      const log = await readFile(logFile(service.name), 'utf8').catch(() => '');
      throw new Error(
        `${isGone ? 'it ended' : `no answer within ${limitMs / 1000} s`}; ${logFile(service.name)} ends with\n  ${lastLines(log, 12)}`,
      );
    }
    await sleep(100);
  }
}
