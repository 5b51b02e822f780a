import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from '@jest/globals';
import { isComposed } from './compose.js';

const path = process.env['PATH'];
let folder = '';

afterEach(async () => {
  process.env['PATH'] = path;
  await rm(folder, { recursive: true, force: true });
});

/** A `docker` on PATH that prints this for `compose ps`. */
async function givenDocker(output: string, exitCode = 0): Promise<void> {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-docker-'));
  await writeFile(join(folder, 'output'), output);
  const script = `#!/bin/sh\n[ "$*" = "compose ps --format json" ] || exit 9\ncat '${folder}/output'\nexit ${exitCode}\n`;
  await writeFile(join(folder, 'docker'), script);
  await chmod(join(folder, 'docker'), 0o755);
  process.env['PATH'] = `${folder}:${path}`;
}

const container = (change: object = {}) => ({
  ...{ Service: 's3', State: 'running', Publishers: [{ URL: '127.0.0.1', TargetPort: 7070, PublishedPort: 27070 }] },
  ...change,
});
const s3 = { name: 's3', port: 27070 } as const;

it('knows a service that docker compose runs on its port, in both forms of the list', async () => {
  const others = container({ Service: 'redis', Publishers: null });
  await givenDocker(`${JSON.stringify(others)}\n${JSON.stringify(container())}\n`);
  expect(await isComposed(s3)).toBe(true);
  await givenDocker(JSON.stringify([others, container()]));
  expect(await isComposed(s3)).toBe(true);
});

it('takes no other server for one of docker compose', async () => {
  await givenDocker(JSON.stringify(container()));
  expect(await isComposed({ ...s3, port: 27170 })).toBe(false);
  expect(await isComposed({ ...s3, name: 'redis' })).toBe(false);
  await givenDocker(JSON.stringify(container({ State: 'exited' })));
  expect(await isComposed(s3)).toBe(false);
  await givenDocker('no such command', 1);
  expect(await isComposed(s3)).toBe(false);
});
