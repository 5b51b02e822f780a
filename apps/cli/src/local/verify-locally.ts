import { verifyRestore } from '#common/operations/verify-restore.js';
import { toVerification, type VerificationNames } from '#common/service/requests/to-verification.js';
import { toVerdictResult } from '../output/verdict-text.js';
import type { VerbContext } from '../verb.js';
import type { VerbResult } from '../verb-result.js';
import { newLocalId, UNHELD } from './local-identity.js';

/** Runs a profile in this process, with neither bus nor catalog; the verdict is kept beside the backup all the same. */
export async function verifyLocally(
  names: Omit<VerificationNames, 'runId'>,
  context: VerbContext,
): Promise<VerbResult> {
  const { installation, output, signal } = context;
  const runId = newLocalId();
  const startedAt = performance.now();
  const { verdict, outcomes, verdictKey } = await verifyRestore(
    toVerification(installation, { ...names, runId }),
    {
      repository: installation.primaryRepository(names.manifest.dataset),
      engine: installation.engineOf(names.manifest.dataset),
      targetKind: installation.targetKind(names.target),
      now: () => new Date(),
      signingKey: installation.signingKey,
      onProbe: (probe) => output.progress(`verify ${names.destination} ${probe}`, null, performance.now() - startedAt),
      onUnheld: ({ message }) => output.note(`${UNHELD}: ${message}`),
    },
    signal,
  );
  return toVerdictResult({ verdict, verdictKey, probes: outcomes });
}
