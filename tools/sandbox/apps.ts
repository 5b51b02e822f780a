import { join } from 'node:path';
import { root } from '#tools/check/root.js';
import type { Crew } from './crew.js';
import { poll } from './poll.js';
import { type AppName, configPath, type Sandbox, urlOf } from './sandbox.js';

export const appNames: readonly AppName[] = ['scheduler', 'executor', 'verifier'];

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
  const watch = isWatching ? ['--watch', '--watch-preserve-output'] : [];
  for (const name of appNames) {
    // Only the compiled modules are written anew at each change.
    const entry = join(root, 'dist', isWatching ? `apps/${name}/src/main.js` : `bin/${name}.js`);
    crew.start(name, { args: [...watch, entry, '--config', configPath(sandbox)], env });
  }
  for (const name of appNames) {
    const url = new URL('/health/ready', urlOf(sandbox, name));
    await poll(() => isReady(url, signal), { signal, what: `the ${name} being ready`, logFile: crew.logFile(name) });
  }
}

async function isReady(url: URL, signal: AbortSignal): Promise<true | undefined> {
  const { status, checks } = (await (await fetch(url, { signal })).json()) as ReadyAnswer;
  if (status === 'ready' && checks.bus === 'ok') return true;
  throw new Error(JSON.stringify(checks));
}

interface ReadyAnswer {
  readonly status: string;
  readonly checks: Readonly<Record<string, string>>;
}
