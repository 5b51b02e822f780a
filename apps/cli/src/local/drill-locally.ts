import type { DrillResultView } from '#common/contracts/api-views.js';
import { runDrill } from '#common/operations/drill/run-drill.js';
import { rememberHere } from '#common/operations/restore/findings.js';
import { chooseDrill, type DrillWish, toDrillPlace, toDrillResult } from '#common/service/drills/choose-drill.js';
import type { VerbContext } from '../verb.js';
import { newLocalId, UNHELD } from './local-identity.js';

/** A drill in this process, with neither bus nor catalog; the verdict is kept beside the backup all the same. */
export async function drillLocally(
  wish: DrillWish & { readonly drill: string },
  { installation, output, signal }: VerbContext,
): Promise<DrillResultView> {
  const { dataset, drill } = wish;
  const identity = { runId: newLocalId(), attempt: 1 };
  const destination = toDrillPlace(installation, wish, identity);
  const { manifest, goal, newestAt } = await chooseDrill(installation, { ...wish, runId: identity.runId }, signal);
  const startedAt = performance.now();
  const outcome = await runDrill(
    {
      ...{ manifest, goal, newestAt, destination, identity },
      target: installation.target(wish.target),
      profile: installation.profile(wish.profile, dataset),
    },
    {
      repository: installation.primaryRepository(dataset),
      engine: installation.engineOf(dataset),
      targetKind: installation.targetKind(wish.target),
      dataset: installation.dataset(dataset),
      workDirectory: installation.config.executor.workDirectory,
      now: () => new Date(),
      signingKey: installation.signingKey,
      remember: rememberHere(),
      onProgress: (progress) => output.progress(`drill ${drill}`, progress, performance.now() - startedAt),
      onProbe: (probe) => output.progress(`drill ${drill} ${probe}`, null, performance.now() - startedAt),
      onUnheld: ({ message }) => output.note(`${UNHELD}: ${message}`),
    },
    signal,
  );
  const { verification, left } = outcome;
  if (left !== null) output.note(`"${destination}" of target ${wish.target} is still there: ${left.message}`);
  const { verdictKey, outcomes: probes } = verification;
  const place = { target: wish.target, destination };
  return { ...toDrillResult(installation, { drill, manifest, goal, place, outcome }), verdictKey, probes };
}
