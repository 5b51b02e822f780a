import { join } from 'node:path';
import { root } from '#tools/check/root.js';
import { runChild } from '#tools/process/run-child.js';
import { findProcess } from '#tools/services/background.js';
import type { ServiceName } from '#tools/services/service.js';
import { Trouble } from './trouble.js';

/** What Holdfast and its shop need: a database server, a bus, an object store, a search engine. */
export const neededServices = ['postgres-18', 'kafka', 's3', 'meilisearch'] as const satisfies readonly ServiceName[];

const entry = join(root, 'dist/tools/services/main.js');

export interface StartedServices {
  /** Those that were not running before. */
  started(): Promise<string[]>;
  /** Stops those, and no others. */
  stop(): Promise<void>;
}

/** Notes what runs already; `start` then brings up the rest. Two steps, so that an interrupted start can be undone as well. */
export async function watchServices(): Promise<StartedServices & { start(signal: AbortSignal): Promise<void> }> {
  const before = await listRunning();
  const started = async () => (await listRunning()).filter((name) => !before.includes(name));
  return {
    started,
    start: async (signal) => {
      const { isOk } = await runChild(process.execPath, [entry, 'up', ...neededServices], {
        ...{ cwd: root, signal, output: 'show' as const },
      });
      signal.throwIfAborted();
      if (!isOk) throw new Trouble('a service did not start', { hint: 'Run `npm run services -- status`.' });
    },
    stop: async () => stopServices(await started()),
  };
}

export async function stopServices(names: readonly string[]): Promise<void> {
  if (names.length === 0) return;
  // Never under the signal: an interrupted run is exactly when they have to be stopped.
  const signal = new AbortController().signal;
  await runChild(process.execPath, [entry, 'down', ...names], { cwd: root, signal, output: 'show' });
}

async function listRunning(): Promise<string[]> {
  const found = await Promise.all(neededServices.map(async (name) => ((await findProcess(name)) ? [name] : [])));
  return found.flat();
}
