import { join } from 'node:path';
import { root } from '#tools/check/root.js';
import { runChild } from '#tools/process/run-child.js';
import { findProcess } from './background.js';
import { type ServiceName, serviceNames } from './service.js';

const entry = join(root, 'dist/tools/services/main.js');

/** What a tool started of the development services: it stops those, and no service that ran before. */
export interface StartedServices {
  /** Brings up what does not run yet, and waits until each answers. False: one does not. */
  start(signal: AbortSignal): Promise<boolean>;
  /** Those that were not running before. */
  started(): Promise<string[]>;
  stop(): Promise<void>;
}

/** Notes what runs already. Two steps, so that the caller can undo an interrupted start as well. Default: all services. */
export async function watchServices(needed: readonly ServiceName[] = []): Promise<StartedServices> {
  const before = await listRunning();
  const started = async () => (await listRunning()).filter((name) => !before.includes(name));
  return {
    start: async (signal) => (await services(['up', ...needed], signal)).isOk,
    started,
    stop: async () => stopServices(await started()),
  };
}

export async function stopServices(names: readonly string[]): Promise<void> {
  // Never under the caller's signal: an interrupted run is exactly when they have to be stopped.
  if (names.length > 0) await services(['down', ...names], new AbortController().signal);
}

const services = (args: readonly string[], signal: AbortSignal) =>
  runChild(process.execPath, [entry, ...args], { cwd: root, signal, output: 'show' });

async function listRunning(): Promise<string[]> {
  const found = await Promise.all(serviceNames.map(async (name) => ((await findProcess(name)) ? [name] : [])));
  return found.flat();
}
