import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from '#tools/process/run-child.js';
import { launch, stopProcess } from './background.js';
import { endpoints } from './endpoints.js';
import { fetchOnce } from './fetch-once.js';
import { ensureGo } from './go.js';
import { isHealthy } from './health.js';
import { cacheDir, dataDir } from './paths.js';
import { CannotInstall, type Service } from './service.js';
import { versions } from './versions.js';

const { host, port, region, accessKeyId, secretAccessKey, endpoint } = endpoints.s3;
const install = `versitygw-${versions.versitygw}`;
/** Not a possible bucket name, so that it hides none. */
const healthPath = '/_health';

/** An S3 server over plain files, with versioning, object lock and conditional writes. */
export const s3: Service = {
  name: 's3',
  version: `versitygw ${versions.versitygw}`,
  port,
  isOptional: false,
  ensureInstalled: async () => {
    await fetchOnce(install, build);
  },
  start: async () => {
    const [objects, objectVersions] = [join(dataDir('s3'), 'objects'), join(dataDir('s3'), 'versions')];
    for (const folder of [objects, objectVersions]) await mkdir(folder, { recursive: true });
    await launch('s3', {
      port,
      file: join(cacheDir, install, 'versitygw'),
      args: [
        '--port',
        `${host}:${port}`,
        '--region',
        region,
        '--health',
        healthPath,
        '--quiet',
        'posix',
        '--versioning-dir',
        objectVersions,
        objects,
      ],
      env: { ROOT_ACCESS_KEY: accessKeyId, ROOT_SECRET_KEY: secretAccessKey },
      cwd: dataDir('s3'),
    });
  },
  isAnswering: () => isHealthy(`${endpoint}${healthPath}`),
  stop: () => stopProcess('s3', 'SIGTERM'),
};

async function build(folder: string): Promise<void> {
  const go = await ensureGo();
  const env = { ...process.env, GOBIN: folder, CGO_ENABLED: '0' };
  await runCommand(go, ['install', `github.com/versity/versitygw/cmd/versitygw@${versions.versitygw}`], { env }).catch(
    (error: Error) => {
      throw new CannotInstall(
        `s3 needs versitygw ${versions.versitygw}, which could not be built with Go: ${error.message}`,
      );
    },
  );
}
