import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { RunId } from '#common/domain/ids.js';
import { PgTools } from '#common/engines/postgres/pg-tools.js';
import { type RunLoop, startRunLoop } from '#common/service/runs/run-loop.js';
import { silentLogger } from '#common/telemetry/logger.js';
import { createMetrics } from '#common/telemetry/metrics.js';
import { BackupTestBed } from '#common/testing/backup-test-bed.js';
import { aRun } from '#common/testing/catalog-test-bed.js';
import { RunTestBed } from '#common/testing/run-test-bed.js';
import { ScratchDatabase } from '#common/testing/scratch-database.js';
import { storeBackup } from '#common/testing/stored-backup.js';
import { TcpGate } from '#common/testing/tcp-gate.js';
import { endpoints } from '#tools/services/endpoints.js';
import { verificationRun } from './verification.run.js';

let restored: ScratchDatabase;
let gate: TcpGate;
let backups: BackupTestBed;
let bed: RunTestBed;
beforeAll(async () => {
  restored = await ScratchDatabase.create('postgres18', 'CREATE TABLE orders AS SELECT 1 AS id');
  gate = await TcpGate.open(restored.connection);
  backups = await BackupTestBed.create();
  const accepts = { datasets: ['shop'], destinations: ['spec_*'] };
  const assertions = [{ query: 'SELECT FROM orders', rows: 1 }];
  bed = await RunTestBed.open({
    repositories: { disk: { url: backups.repository.location } },
    datasets: { shop: { kind: 'postgres', url: 'postgres://nobody@localhost:1/nothing', repositories: ['disk'] } },
    targets: { staging: { kind: 'postgres', url: gate.rewrite(endpoints.postgres18.url), accepts } },
    profiles: { asserted: { probes: [{ use: 'sql', assertions }] } },
  });
});
afterAll(async () => {
  await bed?.close();
  await gate?.close();
  await restored?.drop();
  await backups?.remove();
});
beforeEach(() => bed.clear());

function startLoop(): RunLoop {
  const deps = {
    ...bed.deps,
    tools: new PgTools(),
    metrics: createMetrics({ service: 'verifier' }),
    logger: silentLogger,
  };
  return startRunLoop({
    ...{ catalog: bed.bed.catalog, kinds: ['verification'], owner: 'spec', concurrency: 1, slotsPerSourceHost: 1 },
    ...{ claimTtlMs: 60_000, renewMs: 15_000, pollMs: 50, retry: { firstMs: 1, maxMs: 30_000 }, drainMs: 0 },
    handlers: { verification: verificationRun(deps) },
    patienceMs: { verification: 60_000 },
    onFailed: async () => undefined,
    logger: silentLogger,
  });
}

const load = (id: RunId) => bed.bed.catalog.transaction((tx) => tx.runs.load(id));

describe('a verification', () => {
  it('waits for a target that is away, which costs it no attempt, and reaches its verdict when the target is back', async () => {
    const { backupId: backup } = await storeBackup(backups.repository, 1);
    const request = { dataset: 'shop', backup, target: 'staging', destination: restored.name, profile: 'asserted' };
    gate.shut();
    const { id } = await bed.bed.enqueue(aRun({ kind: 'verification', dataset: 'shop', request, maxAttempts: 1 }));
    const loop = startLoop();
    try {
      let run = await load(id);
      for (; run.attemptsForgiven < 3 && run.state !== 'failed'; run = await load(id));
      expect(run.problem).toMatchObject({ code: 'probe.unreachable' });
      gate.reopen();
      for (; run.state !== 'completed' && run.state !== 'failed'; run = await load(id));
      expect(run).toMatchObject({ state: 'completed', problem: null, result: { verdict: 'passed' } });
    } finally {
      await loop.stop();
    }
  });
});
