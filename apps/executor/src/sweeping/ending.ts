import type { Run } from '#common/catalog/entities/run.entity.js';
import { RestoreRequested } from '#common/contracts/events/restore-requested.event.js';
import { type Background, inBackground, pause, repeat } from '#common/service/background/background.js';
import type { Service } from '#common/service/open-service.js';
import { settleDue } from '#common/service/runs/settle-due.js';
import { tellFailure } from '#common/service/runs/tell-failure.js';

export interface EndingDeps extends Pick<Service, 'catalog' | 'events' | 'installation' | 'logger'> {
  readonly metrics?: Service['metrics'];
}

const EVERY_MS = 2_000;
/** A server that does not answer keeps no other restore from its end. */
const ONE_MS = 60_000;
const RETRY_MS = 30_000;

/**
 * Restores that no executor will go on with, and whose holder vanished, come to their end: first on the server, where what was begun may
 * still be committed by a process that is only frozen, or by its children; then in the catalog, with the event.
 */
export const startEnding = (d: EndingDeps): Background => inBackground((stopping) => keepEnding(d, stopping));

async function keepEnding(d: EndingDeps, stopping: AbortSignal): Promise<void> {
  /** One that hangs must not be asked for again, nor keep the others waiting. */
  const underWay = new Map<string, Promise<void>>();
  const look = async () => {
    for (const run of await d.catalog.transaction((tx) => tx.runs.findUnendedRestores())) {
      if (underWay.has(run.id)) continue;
      const ending = endOne(run, d, stopping).finally(() => underWay.delete(run.id));
      underWay.set(run.id, ending);
    }
  };
  const onFailure = (error: unknown) => d.logger.warn({ err: error }, 'looking for restores without a holder failed');
  await repeat(look, { everyMs: EVERY_MS, onFailure }, stopping);
  await Promise.all(underWay.values());
}

async function endOne(run: Run, d: EndingDeps, stopping: AbortSignal): Promise<void> {
  const { id: runId, attempt } = run;
  try {
    const { target } = RestoreRequested.read(run.request, run.requestVersion);
    const signal = AbortSignal.any([stopping, AbortSignal.timeout(ONE_MS)]);
    const { restores } = d.installation.targetKind(target);
    for (const driver of restores) await driver.end(d.installation.target(target), { runId, attempt }, signal);
    await settleDue({ ...d, kinds: ['restore'], onFailed: tellFailure(d.events), only: runId, restoresAfterMs: 0 });
  } catch (error) {
    if (stopping.aborted) return;
    d.logger.warn({ err: error, runId }, 'a restore that no executor holds could not be ended yet');
    await pause(RETRY_MS, stopping);
  }
}
