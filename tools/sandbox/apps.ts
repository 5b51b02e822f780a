import { appArguments, appNames, isAppReady } from '#tools/platform/app-process.js';
import type { Crew } from './crew.js';
import { poll } from './poll.js';
import { configPath, type Sandbox, urlOf } from './sandbox.js';

export interface AppsOptions {
  readonly sandbox: Sandbox;
  readonly crew: Crew;
  readonly env: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  /** Restart an app when its compiled files change. */
  readonly isWatching?: boolean;
}

/** Starts the three services; returns when each has its catalog, its topics on the bus and its port. */
export async function startApps({ sandbox, crew, env, signal, isWatching = false }: AppsOptions): Promise<void> {
  for (const name of appNames) crew.start(name, { args: appArguments(name, configPath(sandbox), isWatching), env });
  for (const name of appNames) {
    const isReady = async () => (await isAppReady(urlOf(sandbox, name), signal)) || undefined;
    await poll(isReady, { signal, what: `the ${name} being ready`, logFile: crew.logFile(name) });
  }
}
