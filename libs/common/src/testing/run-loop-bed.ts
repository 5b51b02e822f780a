import type { Catalog } from '#common/catalog/catalog.js';
import type { ClaimedRun } from '#common/catalog/claim.js';
import type { Run } from '#common/catalog/entities/run.entity.js';
import type { RunId } from '#common/domain/ids.js';
import type { RunState } from '#common/domain/run.js';
import type { RunHandler } from '#common/service/runs/attempt-options.js';
import { type RunLoop, type RunLoopOptions, startRunLoop } from '#common/service/runs/run-loop.js';
import { silentLogger } from '#common/telemetry/logger.js';
import { anEvent, CatalogTestBed } from './catalog-test-bed.js';

/** Loops of workers around a spec's handlers, over a real catalog. */
export class RunLoopBed {
  private loops: RunLoop[] = [];

  private constructor(readonly bed: CatalogTestBed) {}

  static async open(): Promise<RunLoopBed> {
    return new RunLoopBed(await CatalogTestBed.open());
  }

  start(handler: RunHandler, options: Partial<RunLoopOptions> = {}): RunLoop {
    const loop = startRunLoop({
      catalog: this.bed.catalog,
      kinds: ['backup'],
      owner: `worker-${this.loops.length}`,
      concurrency: 4,
      slotsPerSourceHost: 4,
      claimTtlMs: 60_000,
      renewMs: 15_000,
      pollMs: 50,
      drainMs: 0,
      abortMs: 5_000,
      retry: { firstMs: 1, maxMs: 1 },
      handlers: { backup: handler },
      onFailed: async (run, problem, tx) =>
        tx.outbox.add(anEvent(`${run.id} ${problem.code}`, 'backup.failed'), { topic: 't', key: run.dataset }),
      logger: silentLogger,
      ...options,
    });
    this.loops.push(loop);
    return loop;
  }

  succeed(run: ClaimedRun, catalog: Catalog = this.bed.catalog): Promise<void> {
    return catalog.transaction(async (tx) => {
      await tx.runs.settle(run.claim, { state: 'completed' });
    });
  }

  load(id: RunId): Promise<Run> {
    return this.bed.catalog.transaction((tx) => tx.runs.load(id));
  }

  async reaches(id: RunId, state: RunState): Promise<Run> {
    for (let run = await this.load(id); ; run = await this.load(id)) if (run.state === state) return run;
  }

  /** Ids of what was said, in order. */
  async events(): Promise<string[]> {
    return (await this.bed.catalog.transaction((tx) => tx.outbox.nextBatch(10))).map(({ eventId }) => eventId);
  }

  /** No loop, no run, no fact. */
  async clear(): Promise<void> {
    await Promise.all(this.loops.map((loop) => loop.stop()));
    this.loops = [];
    await this.bed.admin.query('TRUNCATE holdfast.runs, holdfast.outbox CASCADE');
  }

  close(): Promise<void> {
    return this.bed.close();
  }
}
