import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { SeenEvent } from '#tools/platform/bus-watch.js';
import { Platform } from '#tools/platform/platform.js';
import { holdfast } from '../support/cli.js';
import { ask, causedBy } from '../support/request.js';

// Runs in a checkout whose registry has the kind `folder` (another-kind.e2e.spec.ts).
let root: string;
let platform: Platform;
let completed: SeenEvent;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'holdfast-toy-'));
  for (const name of ['source', 'target']) await mkdir(join(root, name));
  await write(20);
  const accepts = { datasets: ['files'], strategies: ['new', 'replace'], destinations: ['*'] };
  platform = await Platform.start({
    config: {
      datasets: {
        files: {
          kind: 'folder',
          path: join(root, 'source'),
          repositories: ['storage'],
          retention: { last: 1, minimumGood: 1 },
        },
      },
      targets: { shelf: { kind: 'folder', path: join(root, 'target'), accepts } },
      profiles: { equal: { probes: [{ use: 'checksums' }, { use: 'files' }] } },
    },
  });
}, 120_000);
afterAll(async () => {
  await platform?.close();
  await rm(root, { recursive: true, force: true });
});

async function write(count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) await writeFile(join(root, 'source', randomUUID()), `content ${n}`);
}

const cli = (...args: string[]) => holdfast([...args, '--config', platform.cliConfigFile], platform.env);
const type = async (line: string) => {
  const { exitCode, stdout, stderr } = await cli(...line.split(' '));
  expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
  return stdout;
};

describe('a kind of dataset that one folder and one line brought', () => {
  it('is checked', async () => {
    const { stdout } = await cli('check', '--dataset', 'files');
    expect(stdout).toContain('dataset files: directory: 20 files');
  });

  it('is backed up because an event asks, by its own method and with its own counts', async () => {
    const asked = await ask(platform, 'backup.requested', { dataset: 'files' });
    completed = await platform.next('backup.completed', causedBy(asked));
    expect(completed.data).toMatchObject({ kind: 'folder', method: 'copy', counts: { files: 20 } });
  });

  it('is listed and shown by the command line', async () => {
    expect(await type('backup list')).toContain(completed.data.backupId);
    expect(await type(`backup show ${completed.data.backupId}`)).toContain('files of a directory');
  });

  it('is restored because an event asks, and proven equal by its own probe', async () => {
    const data = { dataset: 'files', target: 'shelf', destination: 'one', profile: 'equal' };
    const asked = await ask(platform, 'restore.requested', data);
    const restored = await platform.next('restore.completed', causedBy(asked));
    expect(restored.data).toMatchObject({
      kind: 'folder',
      method: 'copy',
      destination: 'one',
      findings: { replaced: [] },
    });
    const verified = await platform.next(
      'verification.completed',
      ({ data: said }) => said.runId === restored.data.verificationRunId,
    );
    expect(verified.data).toMatchObject({ verdict: 'passed', destination: 'one' });
    expect(await readdir(join(root, 'target', 'one'))).toHaveLength(20);
  });

  it('is restored, planned and proven by the command line alone', async () => {
    const to = '--target shelf --destination two';
    expect(await type(`restore plan files@latest ${to} --local`)).toContain('nothing stands in the way');
    expect(await type(`restore run files@latest ${to} --profile equal --local`)).toContain('verdict: passed');
  });

  it('replaces what is there after a safety backup of it', async () => {
    const data = { dataset: 'files', target: 'shelf', destination: 'two', strategy: 'replace' };
    const asked = await ask(platform, 'restore.requested', data);
    const restored = await platform.next('restore.completed', causedBy(asked));
    expect(restored.data).toMatchObject({
      safetyBackupId: expect.any(String),
      findings: { replaced: expect.any(Array) },
    });
  });

  it('is expired by the retention of its dataset', async () => {
    await type('backup run files --wait');
    const plan = JSON.parse(await type('retention plan --dataset files --json'));
    expect(JSON.stringify(plan)).toContain(completed.data.backupId);
  });

  it('is refused a destination and a method that it has not', async () => {
    const restore = await ask(platform, 'restore.requested', {
      dataset: 'files',
      target: 'shelf',
      destination: '../up',
    });
    expect((await platform.next('restore.rejected', causedBy(restore))).data.error.message).toContain(
      'names a directory',
    );
    const backup = await ask(platform, 'backup.requested', { dataset: 'files', method: 'dump' });
    expect((await platform.next('backup.rejected', causedBy(backup))).data.error.message).toContain('there is: copy');
  });
});
