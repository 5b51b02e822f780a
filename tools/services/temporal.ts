import { join } from 'node:path';
import { runCommand } from '#tools/process/run-child.js';
import { fetchOnce } from './fetch-once.js';
import { exists } from './files.js';
import { ensureGo } from './go.js';
import { prepareHome } from './home.js';
import { withLock } from './lock.js';
import { cacheDir } from './paths.js';
import { CannotInstall, type Print } from './service.js';
import { versions } from './versions.js';

/** Programs of Temporal. No service runs them: each test that needs a Temporal starts one on databases of its own. */
export interface TemporalPrograms {
  readonly server: string;
  /** Makes and updates the tables of its databases. */
  readonly sqlTool: string;
}

const module = 'go.temporal.io/server';
const programs = ['server', 'tools/sql'] as const;
/** Of the cache. */
const FOLDER = `temporal-${versions.temporal}`;

/** Builds them where the cache has none, which takes minutes; two calls at once build once. Throws: CannotInstall. */
export async function ensureTemporal(print: Print): Promise<TemporalPrograms> {
  await prepareHome(print);
  // Not the lock of the services: nobody waits minutes for it to start one of them.
  const folder = await withLock(print, () => fetchOnce(FOLDER, build), 'temporal');
  return { server: join(folder, 'server'), sqlTool: join(folder, 'sql') };
}

/** Whether they are there already: no build of minutes. */
export const hasTemporal = (): Promise<boolean> => exists(join(cacheDir, FOLDER));

async function build(folder: string): Promise<void> {
  const go = await ensureGo();
  const env = { ...process.env, GOBIN: folder, CGO_ENABLED: '0' };
  const packages = programs.map((program) => `${module}/cmd/${program}@${versions.temporal}`);
  // Without tables of symbols the programs have half the size.
  await runCommand(go, ['install', '-ldflags=-s -w', ...packages], { env }).catch((error: Error) => {
    throw new CannotInstall(`Temporal ${versions.temporal} could not be built with Go: ${error.message}`);
  });
}
