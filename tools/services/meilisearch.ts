import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Launch, launch, stopProcess } from './background.js';
import { endpoints } from './endpoints.js';
import { isHealthy } from './health.js';
import { findBinary } from './meilisearch-binary.js';
import { dataDir } from './paths.js';
import type { Service } from './service.js';
import { versions } from './versions.js';

const { host, port, url, masterKey } = endpoints.meilisearch;
const standIn = fileURLToPath(new URL('./search-stand-in/main.js', import.meta.url));

/** A real server where there is one; else the stand-in, since no package registry carries a Meilisearch. */
export const meilisearch: Service = {
  name: 'meilisearch',
  version: `Meilisearch ${versions.meilisearch}`,
  port,
  isOptional: false,
  ensureInstalled: async () => {
    await findBinary();
  },
  start: async () => {
    const folder = dataDir('meilisearch');
    await mkdir(folder, { recursive: true });
    const found = await findBinary();
    await launch('meilisearch', {
      ...('file' in found ? toServer(found.file, folder) : toStandIn(folder)),
      ...{ port, cwd: folder, env: { MEILI_MASTER_KEY: masterKey } },
    });
  },
  isAnswering: () => isHealthy(`${url}/health`),
  isStandIn: async () => {
    const options = { headers: { authorization: `Bearer ${masterKey}` }, signal: AbortSignal.timeout(2_000) };
    const answer = await fetch(`${url}/version`, options).catch(() => undefined);
    const version = (await answer?.json().catch(() => undefined)) as { readonly pkgVersion?: string } | undefined;
    return version?.pkgVersion?.endsWith('stand-in') ?? false;
  },
  whyStandIn: async () => {
    const found = await findBinary().catch((error: Error) => ({ lack: error.message }));
    return 'lack' in found ? found.lack : undefined;
  },
  stop: () => stopProcess('meilisearch', 'SIGTERM'),
};

type Program = Pick<Launch, 'file' | 'args'>;

const toStandIn = (folder: string): Program => ({
  file: process.execPath,
  args: [
    '--enable-source-maps',
    standIn,
    '--port',
    String(port),
    '--folder',
    join(folder, 'stand-in'),
    ...toFolders(folder),
  ],
});

const toFolders = (folder: string): string[] => [
  ...['--dump-dir', join(folder, 'dumps'), '--snapshot-dir', join(folder, 'snapshots')],
];

const toServer = (file: string, folder: string): Program => ({
  file,
  args: [
    ...['--http-addr', `${host}:${port}`, '--env', 'development', '--no-analytics', '--max-indexing-memory', '512MiB'],
    ...['--db-path', join(folder, 'db'), ...toFolders(folder)],
  ],
});
