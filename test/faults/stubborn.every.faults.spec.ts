import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { waitUntil } from '#tools/platform/wait-until.js';
import { endpoints } from '#tools/services/endpoints.js';
import { causedBy } from '../support/request.js';
import { Cluster } from './support/cluster.js';
import { findBroken } from './support/invariants.js';
import { descendantsOf, stillRunning } from './support/process-tree.js';
import type { Replica } from './support/replica.js';
import { conclude } from './support/report.js';
import {
  backupOf,
  placeOf,
  prepareRestored,
  proveAndRepeat,
  restoreInPlace,
  restoreNew,
  type Work,
} from './support/works.js';

const { binDir } = endpoints.postgres18;

interface Stubborn {
  readonly tool: 'pg_dump' | 'pg_restore' | 'psql';
  /** Only the call in question has this argument. */
  readonly argument: string;
  /** What it does instead, before it waits for ever; `$real` is the tool. */
  readonly instead: string;
  readonly step: string;
  readonly work: Work;
}

const HALF = '| head -c 1000';

const cases: readonly Stubborn[] = [
  {
    ...{ tool: 'pg_dump', argument: '--format', instead: `"$real" "$@" ${HALF}` },
    ...{ step: 'backup: in the middle of the dump', work: backupOf('shop') },
  },
  {
    ...{ tool: 'pg_restore', argument: '--dbname', instead: '"$real" "$@"' },
    ...{ step: 'restore (new): when everything is in the database', work: restoreNew },
  },
  {
    ...{ tool: 'pg_restore', argument: '--file=-', instead: `"$real" "$@" ${HALF}` },
    ...{ step: 'restore (in place): in the middle of the script', work: restoreInPlace },
  },
  {
    // Its transaction stays open, with locks on what it has dropped.
    ...{ tool: 'psql', argument: '--file=-', instead: '{ head -c 2000; while :; do sleep 1; done; } | "$real" "$@"' },
    ...{ step: 'restore (in place): in the middle of the transaction', work: restoreInPlace },
  },
  {
    // It needs no more input: it has heard the COMMIT, and is only slow.
    ...{ tool: 'psql', argument: '--file=-', instead: '"$real" "$@"' },
    ...{ step: 'restore (in place): when everything is committed', work: restoreInPlace },
  },
];

/** The real tool, which once, when the test wants it, neither ends nor heeds SIGTERM, and until then only looks as if it worked. */
const toScript = (folder: string, tool: Stubborn['tool'], all: readonly Stubborn[]): string => `#!/bin/sh
real='${binDir}/${tool}'
${all
  .map(
    (
      { argument, instead },
      number,
    ) => `case "$*" in *${argument}*) if rmdir '${folder}/${tool}.${number}' 2>/dev/null; then
  trap '' TERM
  ${instead}
  while :; do sleep 1; done
fi ;; esac`,
  )
  .join('\n')}
exec "$real" "$@"
`;

let folder: string;
let cluster: Cluster;
const ofTool = (tool: Stubborn['tool']) => cases.filter((one) => one.tool === tool);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-stubborn-'));
  for (const tool of ['pg_dump', 'pg_restore', 'psql'] as const) {
    await writeFile(join(folder, tool), toScript(folder, tool, ofTool(tool)));
    await chmod(join(folder, tool), 0o755);
  }
  // All that a dump asks for must be in one directory.
  await symlink(join(binDir, 'pg_dumpall'), join(folder, 'pg_dumpall'));
  const toolDirectories = [folder, binDir];
  const shop = { kind: 'postgres', url: '${env:SHOP_URL}', repositories: ['storage'], toolDirectories };
  const staging = {
    ...{ kind: 'postgres', url: '${env:TARGET_URL}', privileges: 'keep', toolDirectories },
    accepts: { datasets: ['shop'], strategies: ['new', 'in-place'], destinations: ['e2e_*'] },
  };
  cluster = await Cluster.start({
    ...{ apps: ['scheduler', 'executor'], config: { datasets: { shop }, targets: { staging } } },
  });
  await prepareRestored(cluster, placeOf(cluster));
}, 120_000);
afterAll(async () => {
  await cluster?.close();
  await rm(folder, { recursive: true, force: true });
});

/** Another executor does the work while the child of the first still holds on. Returns what is broken then. */
async function loseClaim({ tool, step, work }: Stubborn, victim: Replica): Promise<string[]> {
  const asked = await work.ask(cluster);
  const isStubborn = async () => (await descendantsOf(victim.app.pid)).some(({ command }) => command === 'sleep');
  await waitUntil('the child neither ends nor goes on', isStubborn, { explain: () => cluster.explain() });
  const children = await descendantsOf(victim.app.pid);
  await cluster.startApp('executor');
  const shutAtMs = performance.now();
  victim.gates.catalog.shut();
  const done = await cluster.next(`${work.family}.completed`, causedBy(asked), { timeoutMs: 90_000 });
  victim.gates.catalog.reopen();
  expect(done.data.attempt).toBe(2);
  const recoverySeconds = Math.round((done.seenAtMs - shutAtMs) / 100) / 10;
  return conclude({ fault: `claim lost, ${tool} ignores SIGTERM`, step, recoverySeconds }, async () => {
    await waitUntil('the child was killed', async () => (await stillRunning(children)).length === 0);
    const { broken, next } = await proveAndRepeat(cluster, work, asked);
    return [...broken, ...(await findBroken(cluster, [asked, next]))];
  });
}

describe('a claim that expires while the child ignores SIGTERM', () => {
  it.each(cases)(
    'is taken over beside it, and what the child still does makes nothing: $tool, $step',
    async (one) => {
      const victim = cluster.replicaOf('executor');
      await one.work.prepare?.(cluster);
      await mkdir(join(folder, `${one.tool}.${ofTool(one.tool).indexOf(one)}`));
      // The next case's executor is the one that was started last.
      const broken = await loseClaim(one, victim).finally(() => victim.stop());
      expect(broken).toEqual([]);
    },
    180_000,
  );
});
