import { describe, expect, it } from '@jest/globals';
import type { Catalog } from '#common/catalog/catalog.js';
import type { ClaimedRun } from '#common/catalog/claim.js';
import type { ProgressView } from '#common/contracts/api-views.js';
import { BackupProgressed } from '#common/contracts/events/backup-progressed.event.js';
import type { EventWriter } from '../event-writer.js';
import { reportProgress } from './progress-reporter.js';

const head = { runId: 'run', dataset: 'shop', sequence: 1 };

function start(signal = new AbortController().signal) {
  const told: unknown[] = [];
  const rows: unknown[] = [];
  const tx = { runs: { progress: async (_: unknown, progress: ProgressView) => rows.push(progress) } };
  const catalog = { transaction: async (work: (t: typeof tx) => Promise<unknown>) => work(tx) } as unknown as Catalog;
  const events = {
    add: async (_tx: unknown, _run: unknown, _definition: unknown, data: (h: typeof head) => unknown) =>
      told.push(data(head)),
  } as unknown as EventWriter;
  const run = { claim: { signal } } as ClaimedRun;
  const data = (_: unknown, { stage, bytes }: ProgressView) => ({ stage, bytes }) as never;
  return { told, rows, ...reportProgress(run, { definition: BackupProgressed, data }, { catalog, events }) };
}

const at = (stage: string, bytes: number): ProgressView => ({ stage, bytes, totalBytes: null });

describe('reportProgress', () => {
  it('tells the final count of every stage that counted bytes, however quick the run was', async () => {
    const progress = start();
    for (const seen of [at('lock', 0), at('dump', 0), at('dump', 7), at('dump', 9), at('globals', 0), at('globals', 2)])
      progress.report(seen);
    await progress.stop();
    expect(progress.told).toEqual([
      { stage: 'dump', bytes: 9 },
      { stage: 'globals', bytes: 2 },
    ]);
    expect(progress.rows).toEqual([at('globals', 2)]);
  });

  it('tells nothing of a run that counted nothing', async () => {
    const progress = start();
    progress.report(at('lock', 0));
    await progress.stop();
    expect(progress.told).toEqual([]);
  });

  it('writes nothing more once the claim is lost', async () => {
    const progress = start(AbortSignal.abort());
    progress.report(at('dump', 9));
    await progress.stop();
    expect([progress.told, progress.rows]).toEqual([[], []]);
  });
});
