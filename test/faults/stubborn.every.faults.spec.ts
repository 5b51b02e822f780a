import { chmod, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { endpoints } from '#tools/services/endpoints.js';
import { ask, causedBy } from '../support/request.js';
import { waitUntil } from '../support/wait-until.js';
import { Cluster } from './support/cluster.js';
import { findBroken } from './support/invariants.js';
import { descendantsOf, stillRunning } from './support/process-tree.js';
import { conclude } from './support/report.js';
import { doWork } from './support/works.js';

const { binDir } = endpoints.postgres18;

/** A `pg_dump` that, the first time, writes half of what it should and then neither ends nor heeds SIGTERM. */
const toScript = (folder: string): string => `#!/bin/sh
case "$*" in *--version*) exec '${binDir}/pg_dump' "$@" ;; esac
if mkdir '${folder}/was-stubborn' 2>/dev/null; then
  trap '' TERM
  '${binDir}/pg_dump' "$@" | head -c 1000
  while :; do sleep 1; done
fi
exec '${binDir}/pg_dump' "$@"
`;

let folder: string;
let cluster: Cluster;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-stubborn-'));
  await writeFile(join(folder, 'pg_dump'), toScript(folder));
  await chmod(join(folder, 'pg_dump'), 0o755);
  await symlink(join(binDir, 'pg_dumpall'), join(folder, 'pg_dumpall'));
  const stubborn = {
    kind: 'postgres',
    url: '${env:SHOP_URL}',
    repositories: ['store'],
    toolDirectories: [folder, binDir],
  };
  cluster = await Cluster.start({ apps: ['scheduler', 'executor'], config: { datasets: { stubborn } } });
}, 120_000);
afterAll(async () => {
  await cluster?.close();
  await rm(folder, { recursive: true, force: true });
});

const backup = {
  name: 'backup',
  family: 'backup',
  ask: () => ask(cluster, 'backup.requested', { dataset: 'stubborn' }),
} as const;

describe('a claim that expires while the child ignores SIGTERM', () => {
  it('is taken over beside it, and what the child still does makes nothing', async () => {
    const victim = cluster.replicaOf('executor');
    const asked = await backup.ask();
    const isStubborn = async () => (await descendantsOf(victim.app.pid)).some(({ command }) => command === 'sleep');
    await waitUntil('the child neither ends nor goes on', isStubborn, { explain: () => cluster.explain() });
    const children = await descendantsOf(victim.app.pid);
    await cluster.startApp('executor');
    const shutAtMs = performance.now();
    victim.gates.catalog.shut();
    const done = await cluster.next('backup.completed', causedBy(asked), { timeoutMs: 90_000 });
    const recoverySeconds = Math.round((done.seenAtMs - shutAtMs) / 100) / 10;
    expect(done.data.attempt).toBe(2);
    victim.gates.catalog.reopen();
    const row = {
      fault: 'claim lost, child ignores SIGTERM',
      step: 'backup: in the middle of the dump',
      recoverySeconds,
    };
    const broken = await conclude(row, async () => {
      await waitUntil('the child was killed', async () => (await stillRunning(children)).length === 0);
      const next = await doWork(cluster, backup);
      return findBroken(cluster, [asked, next]);
    });
    expect(broken).toEqual([]);
  }, 180_000);
});
