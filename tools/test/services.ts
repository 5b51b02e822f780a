import { root } from '#tools/check/root.js';
import { runChild } from '#tools/process/run-child.js';
import { findProcess } from '#tools/services/background.js';
import { serviceNames } from '#tools/services/service.js';

const entry = `${root}dist/tools/services/main.js`;

async function running(): Promise<string[]> {
  const found = await Promise.all(serviceNames.map(async (name) => ((await findProcess(name)) ? [name] : [])));
  return found.flat();
}

export interface StartedServices {
  readonly isOk: boolean;
  /** Stops what was not running before; services that were up already stay up. */
  stop(): Promise<void>;
}

/** Starts the development services and waits until each answers. */
export async function startServices(signal: AbortSignal): Promise<StartedServices> {
  const before = await running();
  const run = (args: readonly string[], until: AbortSignal) =>
    runChild(process.execPath, [entry, ...args], { cwd: root, signal: until, output: 'show' });
  const { isOk } = await run(['up'], signal);
  return {
    isOk,
    stop: async () => {
      const ours = (await running()).filter((name) => !before.includes(name));
      // Not under the signal: an interrupted run is exactly when they have to be stopped.
      if (ours.length > 0) await run(['down', ...ours], new AbortController().signal);
    },
  };
}
