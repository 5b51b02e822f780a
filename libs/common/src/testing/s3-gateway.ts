import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { endpoints } from '#tools/services/endpoints.js';
import { cacheDir, dataDir } from '#tools/services/paths.js';
import { versions } from '#tools/services/versions.js';
import { findFreePort } from './free-port.js';

export interface Gateway {
  readonly endpoint: string;
  stop(): Promise<void>;
}

/** A second gateway to the objects of the S3 service that refuses every write, as a bucket policy would. */
export const startReadOnlyGateway = (): Promise<Gateway> => startGateway(['--readonly']);

/** Of users that policies of buckets name; without a policy neither may do anything. */
export const users = {
  writer: { accessKeyId: 'writer', secretAccessKey: 'secret of the writer' },
  sweeper: { accessKeyId: 'sweeper', secretAccessKey: 'secret of the sweeper' },
} as const;

/** A second gateway to the objects of the S3 service that knows more users than the administrator, and heeds the policies of buckets. */
export async function startUsersGateway(): Promise<Gateway> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-iam-'));
  const accounts = Object.values(users).map(({ accessKeyId: access, secretAccessKey: secret }) => [
    access,
    { access, secret, role: 'user', userID: 0, groupID: 0, projectID: 0 },
  ]);
  await writeFile(join(folder, 'users.json'), JSON.stringify({ accessAccounts: Object.fromEntries(accounts) }));
  const gateway = await startGateway(['--iam-dir', folder]);
  const stop = async (): Promise<void> => {
    await gateway.stop();
    await rm(folder, { recursive: true });
  };
  return { ...gateway, stop };
}

async function startGateway(options: readonly string[]): Promise<Gateway> {
  const { region, accessKeyId, secretAccessKey } = endpoints.s3;
  const address = `127.0.0.1:${await findFreePort()}`;
  const program = join(cacheDir, `versitygw-${versions.versitygw}`, 'versitygw');
  const storage = ['posix', '--versioning-dir', join(dataDir('s3'), 'versions'), join(dataDir('s3'), 'objects')];
  const child = spawn(program, ['--port', address, '--region', region, '--quiet', ...options, ...storage], {
    env: { ROOT_ACCESS_KEY: accessKeyId, ROOT_SECRET_KEY: secretAccessKey },
    stdio: 'ignore',
  });
  const exited = once(child, 'exit');
  const endpoint = `http://${address}`;
  await waitForAnswer(endpoint, () => child.exitCode !== null);
  return {
    endpoint,
    stop: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

async function waitForAnswer(endpoint: string, isGone: () => boolean): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    const answer = await fetch(endpoint).catch(() => undefined);
    if (answer) return;
    if (isGone()) break;
    await sleep(25);
  }
  throw new Error(`the gateway at ${endpoint} did not answer`);
}
