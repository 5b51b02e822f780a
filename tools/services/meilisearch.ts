import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { launch, stopProcess } from './background.js';
import { ensureCommand } from './debian.js';
import { endpoints } from './endpoints.js';
import { fetchOnce } from './fetch-once.js';
import { exists } from './files.js';
import { isHealthy } from './health.js';
import { cacheDir, checkout, dataDir } from './paths.js';
import { findCommand, runCommand } from './run-command.js';
import { CannotInstall, type Service } from './service.js';
import { versions } from './versions.js';

const { host, port, url, masterKey } = endpoints.meilisearch;
const install = `meilisearch-${versions.meilisearch}`;

export const meilisearch: Service = {
  name: 'meilisearch',
  version: versions.meilisearch,
  port,
  isOptional: false,
  ensureInstalled: async () => {
    await findBinary();
  },
  start: async () => {
    const folder = dataDir('meilisearch');
    await mkdir(folder, { recursive: true });
    const folders = [
      '--db-path',
      join(folder, 'db'),
      '--dump-dir',
      join(folder, 'dumps'),
      '--snapshot-dir',
      join(folder, 'snapshots'),
    ];
    await launch('meilisearch', {
      port,
      file: await findBinary(),
      args: [
        '--http-addr',
        `${host}:${port}`,
        '--env',
        'development',
        '--no-analytics',
        '--max-indexing-memory',
        '512MiB',
        ...folders,
      ],
      env: { MEILI_MASTER_KEY: masterKey },
      cwd: folder,
    });
  },
  isAnswering: () => isHealthy(`${url}/health`),
  stop: () => stopProcess('meilisearch', 'SIGTERM'),
};

/** MEILISEARCH_BIN, then PATH, then what was unpacked before, then the packed binary beside the checkout. */
async function findBinary(): Promise<string> {
  for (const candidate of [process.env['MEILISEARCH_BIN'], 'meilisearch', join(cacheDir, install, 'meilisearch')]) {
    const found = candidate && (await findCommand(candidate));
    if (found && (await isRightVersion(found))) return found;
  }
  const packed = join(checkout, '..', 'shared', 'bin', 'meilisearch.zst');
  if (await exists(packed)) {
    return join(await fetchOnce(install, (folder) => unpack(packed, folder)), 'meilisearch');
  }
  throw new CannotInstall(
    `meilisearch ${versions.meilisearch} is missing: install its binary on PATH or point MEILISEARCH_BIN at it (its releases page has one per platform)`,
  );
}

async function unpack(packed: string, folder: string): Promise<void> {
  const zstd = await ensureCommand('zstd', 'zstd');
  const binary = join(folder, 'meilisearch');
  await runCommand(zstd, ['--quiet', '--decompress', packed, '-o', binary]);
  await chmod(binary, 0o755);
}

/** Another minor version would open the database of ours, or refuse to: neither is wanted. */
async function isRightVersion(binary: string): Promise<boolean> {
  const wanted = versions.meilisearch.split('.').slice(0, 2).join('.');
  const text = await runCommand(binary, ['--version']).catch(() => '');
  return text.startsWith(`meilisearch ${wanted}.`);
}
